/** The entry of the self-contained page: draws the payload that stands in the page itself. */
import { bytesOf, Display } from "./display";

/** Script element with the payload, in base64. */
const PAYLOAD = "payload";

void new Display(document.body).show({ state: "ready" }, () => {
  const script = document.getElementById(PAYLOAD);
  if (!script) throw new Error(`The page has no script element "${PAYLOAD}": it was cut or rewritten. Save it again.`);
  return bytesOf(script.textContent);
});
