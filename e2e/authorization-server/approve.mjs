// A person at the page of examples/assistant, in a real Chromium that nobody sees.
//
//   node approve.mjs --url http://127.0.0.1:8092 --folder DIR --word approve      (or decline, or nothing: then somebody else changes it)
//
// The person signs in, reads what waits, answers with the keyboard, and looks at what becomes of it. The folder gets the profile
// of the browser and pictures of the page. The output is JSON: {"card":{"heading":"…","From":"…","To":"…","Subject":"…","text":"…"},
// "end":"…","errors":[]}: `card` is what was to be seen before, `end` after, and `errors` what the browser complained of.

import { join } from "node:path";
import { parseArgs } from "node:util";

import { chromium } from "playwright-core";

const option = { type: "string" };
const { values: options } = parseArgs({ options: { url: option, folder: option, word: option } });

const flags =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const context = await chromium.launchPersistentContext(join(options.folder, "profile"), {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: flags.split(" "),
  viewport: { width: 900, height: 760 },
});
try {
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));

  await page.goto(options.url);
  await picture(page, "sign-in");
  await page.getByRole("button", { name: "Sign in" }).click();
  const article = page.locator("article");
  await article.waitFor();
  const card = await article.evaluate((article) => {
    const read = { heading: article.querySelector("h2").innerText, text: article.querySelector(".text").innerText };
    for (const name of article.querySelectorAll("dt")) read[name.innerText] = name.nextElementSibling.innerText;
    return read;
  });
  await picture(page, "waiting");

  if (options.word) {
    const button = { approve: "Approve and send", decline: "Decline" }[options.word];
    await press(page, button);
  }
  const word = article.locator(".word");
  await word.waitFor();
  const buttons = await article.getByRole("button").count();
  await picture(page, "end");
  console.log(JSON.stringify({ card, end: await word.innerText(), buttons, errors }));
} finally {
  await context.close();
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
    await page.screenshot({ path: join(options.folder, `${name}-${colorScheme}.png`) });
  }
}
