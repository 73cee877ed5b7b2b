// A person at the page of examples/assistant, in a real Chromium that nobody sees.
//
//   node approve.mjs --url http://127.0.0.1:8092 --folder DIR --word approve [--stale TOKEN]
//   (or decline, or no word: then somebody else changes what waits)
//
// The person signs in, reads what waits, answers with the keyboard, and looks at what becomes of it. The folder gets pictures of
// the page. The output is JSON: {"card":{"heading":"…","text":"…","From":"…",…},"end":"…","buttons":0,"errors":[]}: `card` is what
// was to be seen before, `end` and `buttons` after, and `errors` what the browser complained of. With `--stale`, the first token of
// the page is this one, of an old login; `stale` is then what the page says when it is not enough.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { chromium } from "playwright-core";

const WIDE = { width: 900, height: 640 };
const NARROW = { width: 390, height: 760 };

const option = { type: "string" };
const { values: options } = parseArgs({ options: { url: option, folder: option, word: option, stale: option } });

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = places.find((place) => existsSync(place));
if (!executablePath) throw new Error("Chromium is missing (on Debian: apt-get install chromium; `cargo xtask test` does)");
const flags =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
// Its profile is new and empty, and goes with it.
const browser = await chromium.launch({ executablePath, headless: true, args: flags.split(" ") });
try {
  const page = await browser.newPage({ viewport: WIDE });
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));

  if (options.stale) {
    const old = (route) => route.fulfill({ json: { access_token: options.stale } });
    await page.route("**/demo/sign-in", old, { times: 1 });
  }
  await page.goto(options.url);
  await picture(page, "sign-in");
  await page.getByRole("button", { name: "Sign in" }).click();
  const article = page.locator("article").first(); // others may come
  await article.waitFor();
  const card = await article.evaluate((article) => {
    const read = { heading: article.querySelector("h2").innerText, text: article.querySelector(".text").innerText };
    for (const name of article.querySelectorAll("dt")) read[name.innerText] = name.nextElementSibling.innerText;
    return read;
  });
  await picture(page, "waiting");

  const button = { approve: "Approve and send", decline: "Decline" }[options.word];
  let stale;
  if (options.stale) {
    await press(page, button);
    const signIn = page.getByRole("button", { name: "Sign in" });
    await signIn.waitFor();
    stale = await page.getByRole("status").innerText();
    await page.keyboard.press("Enter"); // it has the focus
    await signIn.waitFor({ state: "hidden" });
  }
  if (button) await press(page, button);
  const word = article.locator(".word");
  await word.waitFor();
  const buttons = await article.getByRole("button").count();
  await picture(page, "end");
  console.log(JSON.stringify({ card, end: await word.innerText(), buttons, stale, errors }));
} finally {
  await browser.close();
}

/** Reaches a button as somebody does who has no mouse. */
async function press(page, name) {
  for (let tabs = 0; tabs < 10; tabs += 1) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate(() => document.activeElement.textContent)) === name) return page.keyboard.press("Enter");
  }
  throw new Error(`no key leads to "${name}"`);
}

async function picture(page, name) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    for (const [width, viewport] of Object.entries({ narrow: NARROW, wide: WIDE })) {
      await page.setViewportSize(viewport);
      await page.screenshot({ path: join(options.folder, `${name}-${colorScheme}-${width}.png`) });
    }
  }
}
