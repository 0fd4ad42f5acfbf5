/** Whether a request is about the weather at all, told by a word of it. */

const WORDS =
  /\b(?:weather|forecast|outlook|temperatures?|thermometer|barometer|degrees|rain(?:s|y|ing|coat)?|showers?|drizzl\w*|wet|snow(?:s|y|ing)?|sleet|hail|frosts?|freez\w+|fog(?:gy)?|mist|thunder\w*|storm(?:s|y)?|sunny|sunshine|clouds?|cloudy|sky|skies|warm(?:er)?|cold(?:er)?|cool(?:er)?|hot(?:ter)?|chilly|mild|windy|breez[ey]|gusts?|gusty|gale|umbrella|humid|muggy)\b/i;

export const asksWeather = (text: string): boolean => WORDS.test(text);
