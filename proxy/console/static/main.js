// @ts-check
// Everything here adds to pages that work without it.
import { follow } from "./feed.js";
import { listen } from "./keys.js";
import { tell } from "./times.js";
import { copying } from "./copy.js";
import { filtering } from "./filters.js";

tell(document);
copying(document);
filtering(document);
listen(document);
follow(document);
