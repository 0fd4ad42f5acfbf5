/** Invented names, made so that every kind of letter sequence turns up sooner or later. */
import type { Random } from "../../core/random.ts";

const ONSETS =
  "b bl br c ch cl cr d dr dw f fl fr g gh gl gr gw h j k kh kl kn kr l ll m n p ph pl pr qu r rh s sc sh sk sl sm sn sp squ st str sv sw t th thr tr tw v vl w wh wr x y z zh".split(
    " ",
  );
const VOWELS =
  "a a a a a a a a e e e e e e e e i i i i i i i i o o o o o o o o u u u u u y y aa ae ai ao au ay ea ee ei eo eu ey ia ie io oa oe oi oo ou ow oy ua ue ui".split(
    " ",
  );
const CODAS =
  "b ck ct d dd ff ft g gg k l ld lf lk ll lm ln lp lt m mb mp n nd ng nk nn ns nt p ph pp r rb rch rd rg rk rl rm rn rp rs rt s sh sk sp ss st t tch th tt v w x z".split(
    " ",
  );
const ENDINGS =
  "ville ton ham bury field ford port mont burg by wick stad grad abad pur nagar ito ara ena ino osa ovo sk shire haven dale wood bridge mouth minster holm vik fjord heim dorf hausen kirchen ac ec igny court".split(
    " ",
  );
const LEADS =
  "New Old North South East West Port Fort Mount Lake Saint San Santa Los Las El La Le Upper Lower Great Little Big Bad Cape Glen Villa Puerto Rio Al Tel Ban Nova".split(
    " ",
  );
const TAILS =
  "City Springs Falls Bay Park Beach Grove Hills Heights Creek Ridge Valley Point Harbor Junction Island Bluff Landing Crossing Mills Rapids Lakes Corners Station Cove".split(
    " ",
  );
const REAL =
  "Amber Anchor Badger Barley Basket Bishop Bluebird Bramble Button Candle Castle Cedar Cherry Clover Copper Cotton Cradle Dollar Dragon Eagle Ember Feather Fiddle Garnet Ginger Hammer Hazel Honey Iron Ivory Jasper Kettle Ladder Lantern Lemon Linen Marble Maple Mercy Mirror Needle Oyster Paper Pepper Pigeon Plum Quarry Quill Raven Ribbon Saddle Salmon Shepherd Silver Sparrow Sugar Thistle Timber Turnip Velvet Violet Walnut Whistle Willow Winter Yellow Zephyr".split(
    " ",
  );

const TOWN_ONSETS = "b br c cl d dr f g gl gr h k l m n p qu r s st t tr v w z".split(" ");
const TOWN_ENDINGS =
  "ville ton ham bury field ford port mont burg by wick grad dale mouth holm vik stein ova ano".split(
    " ",
  );

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** One word of one to four syllables, in lower case. */
export function inventWord(random: Random): string {
  let word = "";
  const syllables = random.pick([1, 2, 2, 2, 2, 3, 3]);
  for (let i = 0; i < syllables; i++) {
    if (i === 0 ? random.next() < 0.82 : random.next() < 0.75) word += random.pick(ONSETS);
    word += random.pick(VOWELS);
    if (random.next() < (i === syllables - 1 ? 0.6 : 0.25)) word += random.pick(CODAS);
  }
  word = word.replace(/(.)\1\1+/g, "$1$1");
  return word.length > 2 ? word.slice(0, 12) : word + random.pick(["nd", "la", "rk", "sto"]);
}

/** One word with a capital: a syllable name, one with a town's ending, or a common word. */
function inventOne(random: Random): string {
  const draw = random.next();
  if (draw < 0.4) return capital(inventWord(random));
  if (draw < 0.55) return inventTown(random);
  if (draw < 0.75) return capital(inventWord(random).slice(0, 8) + random.pick(ENDINGS));
  return random.next() < 0.5
    ? random.pick(REAL)
    : random.pick(REAL) + random.pick(["ville", "ton", "field", "ford", "wood", "burg"]);
}

/** A place that (very likely) does not exist: one word, two, or with a hyphen or an apostrophe. */
export function inventPlace(random: Random): string {
  const draw = random.next();
  const name = inventOne(random);
  if (draw < 0.5) return name;
  if (draw < 0.67) return `${random.pick(LEADS)} ${name}`;
  if (draw < 0.84) return `${name} ${random.pick(TAILS)}`;
  if (draw < 0.88) return `${name}-${inventOne(random)}`;
  if (draw < 0.92) return `${name}'${inventWord(random)}`;
  return `${name} ${inventOne(random)}`;
}

/** A name that could stand on a map: a syllable or two and a town's ending. */
export function inventTown(random: Random): string {
  const syllable = (): string => random.pick(TOWN_ONSETS) + random.pick([..."aeiou"]);
  const stem = syllable() + (random.next() < 0.4 ? syllable() : "");
  const name = capital(stem + random.pick([..."lnrst"]) + random.pick(TOWN_ENDINGS));
  return random.next() < 0.15 ? `${name} ${random.pick(TAILS)}` : name;
}

/** Now and then with an area behind it: "Borville, Kestria". */
export const inventPlaceInArea = (random: Random): string =>
  random.next() < 0.25 ? `${inventPlace(random)}, ${inventOne(random)}` : inventPlace(random);

export const inventPerson = (random: Random): string =>
  random.next() < 0.5 ? inventOne(random) : `${inventOne(random)} ${inventOne(random)}`;
