/** Puts the page into the document. */
import { render } from "preact";
import { Almanack } from "./almanack.tsx";
import "./styles/paper.css";
import "./styles/masthead.css";
import "./styles/letters.css";
import "./styles/telegram.css";
import "./styles/composer.css";

render(<Almanack />, document.getElementById("almanack")!);
