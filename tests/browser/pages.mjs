// The pages as people use them, in a real browser. Run by tests/tests/browser.rs, which starts the server and sends
// the events that this script asks for by lines `send <JSON>` on its standard output.
//
//   node pages.mjs <address of the server> <path of chromium>
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [base, executablePath] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// Ways out of text: elements, attributes in both quotes, other contexts, comments, entities, addresses, templates.
const HOSTILE = [
  `<img src=x onerror="document.title='pwned'">`, `<script>document.title='pwned'</script>`,
  `"><svg onload=document.title='pwned'>`, `' onmouseover='document.title="pwned"' x='`, `" autofocus onfocus="document.title='pwned'`,
  `</title></textarea></style></script><script>document.title='pwned'</script>`, `<!--<img src="--><img src=x onerror=document.title='pwned'//">`,
  `&lt;script&gt;document.title='pwned'&lt;/script&gt;`, `&#60;img src=x onerror=document.title='pwned'&#62;`, `javascript:document.title='pwned'`,
  `<a href="javascript:document.title='pwned'">x</a>`, `<iframe srcdoc="<script>parent.document.title='pwned'</script>"></iframe>`,
  `<math><mtext><style><img src=x onerror=document.title='pwned'></style>`, `{{constructor.constructor('document.title="pwned"')()}}`, "${document.title='pwned'}",
].join(" ");

const send = (event) => process.stdout.write(`send ${JSON.stringify(event)}\n`);
const start = Date.now() - 3_600_000;
// Order 1 began ten minutes before order 0, and so on.
const begin = (id) => start - Number(/^order-(\d+)/.exec(id)?.[1] ?? 0) * 600_000;
const message = (id, n, role, text, more = {}) => ({
  event: "interaction.message", interaction_id: id, message_id: `${id}-${n}`, role, message: text,
  at: new Date(begin(id) + n * 7_000).toISOString(), ...more,
});

// Forty finished conversations of two countries, one hostile, one that is still going on.
for (let idx = 0; idx < 40; idx += 1) {
  const id = `order-${idx}`;
  const more = { organization: "acme", agent: idx % 2 ? "Ada" : "Emi", llm_model: "gpt-4o-mini", type: "text_chat",
    user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36",
    language: idx % 4 ? "en" : "de", url: `https://shop-${idx}.example/orders` };
  send(message(id, 0, "assistant", "Hello, how can I help?", more));
  send(message(id, 1, "user", idx % 5 ? "Where is my parcel? It is late." : "I want a refund, and the refund must be quick."));
  send(message(id, 2, "assistant", idx % 5 ? "It arrives tomorrow." : "The refund is on its way."));
  send({ event: "interaction.ended", interaction_id: id, end_time: new Date(begin(id) + 30_000).toISOString() });
}
send({ ...message("hostile", 0, "user", `${HOSTILE} refund`), agent: HOSTILE, organization: HOSTILE, url: `https://x.example/${HOSTILE}`,
  agent_version: HOSTILE, llm_model: HOSTILE, integration: HOSTILE, user_id: HOSTILE, caller: HOSTILE, user_agent: HOSTILE, metadata: { [HOSTILE]: HOSTILE } });
send({ ...message("hostile", 2, "tool", HOSTILE), tool: { name: HOSTILE, arguments: { [HOSTILE]: HOSTILE }, result: HOSTILE, ok: false } });
send({ event: "interaction.rated", interaction_id: "hostile", rating: 1, rating_comment: HOSTILE });
send({ event: "interaction.analyzed", interaction_id: "hostile", csat: 1, csat_description: HOSTILE, topic: HOSTILE, summary: HOSTILE,
  sentiment: "negative", sentiment_description: HOSTILE, keywords: [HOSTILE.slice(0, 90), HOSTILE.slice(300, 390)] });
send({ ...message("hostile", 1, "user", "مرحبا، أريد استرداد أموالي"), language: "ar" });
send({ event: "interaction.ended", interaction_id: "hostile", end_time: new Date(start + 30_000).toISOString(), end_reason: HOSTILE, recording_url: "javascript:document.title='pwned'" });
// A long one, with every script there is: right to left, no spaces, emoji, and one message of 20,000 letters.
const SAID = ["مرحبا، أريد استرداد أموالي", "我下周去日本出差", "ご確認ありがとうございます", "ขอบคุณมาก", "👩🏽‍🚀🎉 thank you 🏳️‍🌈", `${"verylongwordwithoutanyspace".repeat(400)} end`, HOSTILE];
send({ event: "interaction.completed", interaction_id: "long", agent: "Ada", start_time: new Date(start).toISOString(), end_time: new Date(start + 3_500_000).toISOString(),
  transcript: Array.from({ length: 500 }, (_, n) => ({ role: n % 2 ? "user" : "assistant", message: SAID[n % SAID.length], offset_ms: n * 7_000 })) });
// A call with silence and an interruption.
const call = (n, role, text, from, to, more = {}) => send({ ...message("call", n, role, text, { type: "voice_call", agent: "Ada" }), at: new Date(start + from).toISOString(), end_offset_ms: to, ...more });
call(0, "assistant", "How can I help?", 0, 3_000);
call(1, "user", "I was cut off.", 8_000, 11_000);
call(2, "assistant", "I am sorry, let me", 10_000, 13_000, { interrupted: true });
send({ event: "interaction.ended", interaction_id: "call", end_time: new Date(start + 14_000).toISOString(), recording_url: "https://calls.example/call.wav" });
send({ event: "interaction.completed", interaction_id: "handed-over", type: "voice_call", agent: "Ada", start_time: new Date(start).toISOString(), end_time: new Date(start + 9_000).toISOString(),
  transcript: [["assistant", "Hello."], ["user", "A person, please."], ["human", "This is Maria."]].map(([role, message], n) => ({ role, message, offset_ms: n * 3_000, end_offset_ms: n * 3_000 + 2_000 })) });
send({ ...message("growing", 0, "user", "First words"), at: new Date().toISOString(), agent: "Ada" });

async function until(what, ask) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert(Date.now() < deadline, `waited in vain for ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}
await until("all interactions", async () => (await (await fetch(`${base}/v1/interactions?limit=0`)).json()).total === 45);

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
const problems = [];

// A page that reports every error, every refusal of the policy, and every request to somebody else.
async function open(path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "UTC", ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(`${path}: ${error.message}`));
  page.on("console", (line) => { if (line.type() === "error" && !/status of 4\d\d/.test(line.text())) problems.push(`${path}: ${line.text()}`); });
  page.on("request", (request) => { if (!/^(data:|blob:)/.test(request.url()) && new URL(request.url()).origin !== base) problems.push(`${path} asked ${request.url()}`); });
  await page.goto(base + path);
  return page;
}
const total = async (page) => Number(await page.locator("[data-total]").getAttribute("data-total"));

const checks = {
  async "a search narrows the list and marks its words"() {
    const page = await open("/");
    await page.locator("#q").fill("refund");
    await page.locator("#q").press("Enter");
    await page.waitForURL(/q=refund/);
    assert.equal(await total(page), 9);
    assert.equal(await page.locator("#rows mark").first().textContent(), "refund");
    // A row says what was said, without a word of ours.
    assert.match(await page.locator("#rows .open").first().textContent(), /^I want a refund, and the refund must be quick\. – The refund is on its way\.$/);
  },
  async "what was meant instead of a mistake is a click away"() {
    const page = await open("/?q=refund%20agnt%3AAda");
    assert.equal(await page.locator(".mistake .here").textContent(), "agnt");
    await page.getByRole("link", { name: "Search for refund agent:Ada instead" }).click();
    await page.waitForURL((url) => url.searchParams.get("q") === "refund agent:Ada");
    assert((await total(page)) > 0);
  },
  async "a misspelt filter is mended by a link"() {
    const page = await open("/?contry=Germany&agent=Ada");
    await page.getByRole("link", { name: "Search country=Germany instead" }).click();
    await page.waitForURL((url) => url.searchParams.get("country") === "Germany" && url.searchParams.get("agent") === "Ada");
  },
  async "on a phone, filters stay open while they are chosen, and a conversation keeps its title"() {
    const options = { viewport: { width: 360, height: 700 } };
    const page = await open("/", options);
    await page.getByRole("link", { name: "Filters", exact: true }).click();
    const chosen = () => page.locator('[data-facet="type"] [data-value="text_chat"] .value');
    await chosen().click();
    await page.waitForURL(/type=text_chat#filters$/);
    await until("the focus", () => chosen().evaluate((link) => link === document.activeElement));
    assert(await page.locator("#filters").isVisible());
    await page.getByRole("link", { name: "Show results" }).click();
    await until("the list", async () => !(await page.locator("#filters").isVisible()));
    await page.goto(`${base}/interactions/long?q=thank`);
    await page.evaluate(() => scrollTo(0, 5_000));
    for (const selector of [".headline h1", "#match-next"]) {
      const { y } = await page.locator(selector).boundingBox();
      assert(y >= 48 && y < 100, `${selector} is at ${y}`);
    }
  },
  async "a mistake in the query is shown where it is"() {
    const page = await open(`/?q=${encodeURIComponent('refund "open')}`);
    assert.equal(await page.locator(".mistake .here").count(), 1);
    assert.equal(await page.locator("#q").getAttribute("aria-invalid"), "true");
  },
  async "facets choose any of several values, exclude, and come off as chips"() {
    const page = await open("/");
    const facet = page.locator('[data-facet="agent"]');
    await facet.getByRole("link", { name: /^Ada/ }).click();
    await page.waitForURL(/agent=Ada/);
    const ada = await total(page);
    await page.locator('[data-facet="agent"]').getByRole("link", { name: /^Emi/ }).click();
    await page.waitForURL(/agent=Ada&agent=Emi/);
    assert.equal(await total(page), 44);
    await page.getByRole("link", { name: "Remove filter Agent is Emi" }).click();
    await page.waitForURL((url) => !url.search.includes("Emi"));
    assert.equal(await total(page), ada);
    await page.locator('[data-facet="agent"] li').filter({ hasText: "Ada" }).hover();
    await page.getByRole("link", { name: "Exclude Ada" }).click();
    await page.waitForURL(/-agent=Ada/);
    assert.equal(await total(page), 45 - ada);
  },
  async "the histogram is brushed into a period, and each bar leads to what it counts"() {
    const page = await open("/?q=refund");
    const box = await page.locator(".histogram").boundingBox();
    await page.mouse.move(box.x + 2, box.y + 10);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + 10, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/since=.*until=/);
    await page.getByRole("link", { name: /Remove filter Started/ }).click();
    await page.waitForURL((url) => !url.search.includes("since"));
    const bars = await page.locator(".histogram a").evaluateAll((links) => links.map((link) => [link.getAttribute("href"), link.getAttribute("aria-label")]));
    let sum = 0;
    for (const [href, label] of bars) {
      const count = Number(/: ([\d,]+) interaction/.exec(label)[1].replaceAll(",", ""));
      sum += count;
      await page.goto(base + href);
      assert.equal(await total(page), count, label);
    }
    assert.equal(sum, 9);
  },
  async "days begin where the reader is"() {
    const page = await open("/", { timezoneId: "Asia/Tokyo" });
    await page.locator("html[data-zone='Asia/Tokyo']").waitFor();
    await page.locator("#range > summary").click();
    await page.locator("#tz").fill("America/New_York");
    await page.locator("input[name=since]").fill("2001-02-03");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.waitForURL(/tz=America/);
    const first = await page.locator(".histogram").getAttribute("data-bounds");
    assert.equal(new Date(Number(first.split(" ")[0])).toISOString(), "2001-02-03T05:00:00.000Z");
    await page.locator("#rows .open").first().click();
    await page.waitForURL(/\/interactions\/.*tz=America/);
    assert.match(await page.locator("time").first().getAttribute("title"), /GMT-[45]|E[SD]T/);
    const wrong = await open("/?tz=Europe%2FAtlantis");
    assert.match(await wrong.locator(".empty").textContent(), /no time zone Europe\/Atlantis/);
  },
  async "columns are chosen and sorted by, and stay"() {
    const page = await open("/?organization=acme");
    await page.locator("#columns > summary").click();
    await page.getByLabel("Browser", { exact: true }).uncheck();
    await page.getByLabel("LLM Model", { exact: true }).check();
    await page.getByRole("button", { name: "Show" }).click();
    await page.waitForURL(/columns=/);
    const heads = () => page.locator(".head > *").evaluateAll((heads) => heads.map((head) => head.textContent.trim()));
    assert((await heads()).includes("Model") && !(await heads()).includes("Browser"));
    assert.equal(await page.locator("#rows > li").first().getByText("gpt-4o-mini").count(), 1);
    await page.locator(".head").getByRole("link", { name: "Messages" }).click();
    await page.waitForURL(/organization=acme.*columns=.*sort=-messages_count/);
    assert((await heads()).includes("Messages ↓") && (await heads()).includes("Model"));
  },
  async "pages lead on and back, and no interaction is on two of them"() {
    const page = await open("/?sort=start_time&since=90d");
    const ids = () => page.locator("#rows > li").evaluateAll((rows) => rows.map((row) => row.dataset.id));
    const visited = [await ids()];
    while ((await page.locator("#next").count()) > 0) {
      await Promise.all([page.waitForEvent("load"), page.locator("#next").click()]);
      visited.push(await ids());
    }
    assert.deepEqual(visited.map((page) => page.length).slice(0, 2), [20, 20]);
    assert(new Set(visited.flat()).size === visited.flat().length && visited.length === 3);
    for (const wanted of visited.slice(0, -1).reverse()) {
      await Promise.all([page.waitForEvent("load"), page.keyboard.press("p")]);
      assert.deepEqual(await ids(), wanted);
    }
    assert.equal(await page.locator("#previous").count(), 0);
  },
  async "a search is saved as a view, opened, renamed and deleted, without scripts too"() {
    const page = await open("/?q=refund&agent=Ada&sort=-duration&columns=agent&columns=csat", { javaScriptEnabled: false });
    const found = await total(page);
    const save = async (name) => {
      await page.locator("#views > summary").click();
      await page.getByLabel("Name of this search").fill(name);
      await page.getByRole("button", { name: "Save", exact: true }).click();
    };
    await save(`Refunds ${HOSTILE.slice(0, 40)}`);
    assert.match(await page.locator("#views > summary").textContent(), /View Refunds <img/);
    await page.goto(`${base}/views`);
    await page.getByLabel(/^New name of Refunds/).fill("Refunds by Ada");
    await page.getByRole("button", { name: "Rename" }).click();
    await page.getByRole("link", { name: "Refunds by Ada" }).click();
    assert.equal(new URL(page.url()).search, "?q=refund&agent=Ada&sort=-duration&columns=agent&columns=csat");
    assert.equal(await total(page), found);
    await page.goto(`${base}/?q=parcel`);
    await save("refunds by ada");
    await page.getByRole("button", { name: "Replace its search" }).click();
    assert.equal(new URL(page.url()).search, "?q=parcel");
    await page.goto(`${base}/views/Refunds%20by%20Ada`);
    assert.equal(new URL(page.url()).search, "?q=parcel");
    await page.goto(`${base}/views`);
    await page.getByRole("button", { name: "Delete Refunds by Ada" }).click();
    await page.getByText("No search has been saved yet").waitFor();
    // Another site's form, as a browser sends it.
    const answer = await fetch(`${base}/views`, { method: "POST", body: "do=create&name=x&query=", headers: { origin: "https://evil.example" } });
    assert.equal(answer.status, 403);
  },
  async "a long facet is searched, and what is missing is a value"() {
    const page = await open("/");
    const facet = page.locator('[data-facet="url_host"]');
    await facet.locator("summary").click();
    assert.equal(await facet.getByText("shop-39.example").count(), 0);
    await facet.getByLabel("Find a value of Site").fill("SHOP-39");
    await facet.getByRole("link", { name: "shop-39.example" }).click();
    await page.waitForURL(/url_host=shop-39/);
    assert.equal(await total(page), 1);
    await page.goto(base);
    await page.locator('[data-facet="organization"] summary').click();
    await page.locator('[data-facet="organization"] li[data-value=""] .value').click();
    await page.waitForURL(/organization=$/);
    assert.equal(await total(page), 4);
    assert.match(await page.locator(".chips").textContent(), /Organization is missing/);
  },
  async "an interaction opens with its matches, and the next match is a key away"() {
    const page = await open("/?q=refund&agent=Ada");
    await page.locator("#rows .open").first().click();
    await page.waitForURL(/\/interactions\/order-/);
    assert.match(await page.locator("[data-matches]").textContent(), /3 matches/);
    await page.keyboard.press("n");
    await page.keyboard.press("n");
    assert.match(await page.locator("[data-matches]").textContent(), /2 of 3/);
    assert.equal(await page.locator("mark.now").count(), 1);
    await page.keyboard.press("p");
    assert.match(await page.locator("[data-matches]").textContent(), /1 of 3/);
    assert.match(await page.locator("#place").textContent(), /1 of 4/);
    await page.locator("#following").click();
    await page.waitForURL(/\/interactions\/order-/);
    await page.locator("#back").click();
    await page.waitForURL(/\?q=refund&agent=Ada/);
  },
  async "a message's link leads to it"() {
    const page = await open("/interactions/order-5#m-order-5-2");
    await page.waitForFunction(() => document.querySelector("li:target")?.textContent.includes("on its way"));
  },
  async "keys alone search, move, open and come back"() {
    const page = await open("/");
    await page.keyboard.press("/");
    await page.keyboard.type("parcel");
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=parcel/);
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    const wanted = await page.locator("#rows > li").nth(1).getAttribute("data-id");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/interactions\//);
    assert.equal(await page.locator("#interaction").getAttribute("data-id"), wanted);
    await page.keyboard.press("Escape");
    await page.waitForURL(/\?q=parcel/);
    await page.waitForFunction((id) => document.activeElement?.closest("[data-id]")?.dataset.id === id, wanted);
    await page.keyboard.press("?");
    assert(await page.locator("#keys").isVisible());
  },
  async "suggestions complete fields and values"() {
    const page = await open("/");
    await page.locator("#q").pressSequentially("age");
    await page.getByRole("option", { name: "agent:" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("option", { name: /^Ada/ }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=agent/);
    assert((await total(page)) >= 20);
  },
  async "hostile text stays text"() {
    const asked = encodeURIComponent(HOSTILE);
    for (const path of ["/", "/?q=refund", "/interactions/hostile?q=refund", "/interactions/hostile?q=script", "/overview", `/?agent=${asked}`, `/?q=${asked}`, `/overview?agent=${asked}`, `/interactions/${asked}`]) {
      const page = await open(path);
      assert.notEqual(await page.title(), "pwned", path);
      for (const injected of ["img[src=x]", "iframe", "svg[onload]", "[onerror]", "[onfocus]", "[onmouseover]", "[href^='javascript:']", "math"])
        assert.equal(await page.locator(injected).count(), 0, `${injected} on ${path}`);
    }
    const page = await open("/interactions/hostile");
    assert((await page.locator("#messages").textContent()).includes(HOSTILE));
  },
  async "right-to-left text runs from the right"() {
    const page = await open("/interactions/hostile");
    const direction = await page.locator("#messages .words").filter({ hasText: "مرحبا" }).evaluate((element) => getComputedStyle(element).direction);
    assert.equal(direction, "rtl");
  },
  async "long conversations in every script stay readable"() {
    const page = await open("/interactions/long?q=日本");
    assert.equal(await page.locator("#messages > li").count(), 500);
    assert.match(await page.locator("[data-matches]").textContent(), /7\d matches/);
    await page.keyboard.press("n");
    assert(await page.locator("mark.now").isVisible());
    assert.equal(await page.locator("#messages .words").filter({ hasText: "👩🏽‍🚀🎉 thank you 🏳️‍🌈" }).first().textContent(), "👩🏽‍🚀🎉 thank you 🏳️‍🌈");
  },
  async "a call shows who spoke when, silence and interruptions"() {
    const page = await open("/interactions/call");
    assert.equal(await page.locator(".speech a").count(), 3);
    assert.equal(await page.locator(".speech .silence").count(), 1);
    assert.equal(await page.locator(".speech .cut").count(), 1);
    assert.match(await page.locator(".speech .chart").textContent(), /0:00\s*0:\d\d/);
    assert.match(await page.locator("#messages").textContent(), /5\.0 s of silence.*speaks over the other for 1\.0 s/);
  },
  async "a conversation is copied as a link and as text"() {
    const page = await open("/interactions/order-5", { permissions: ["clipboard-read", "clipboard-write"] });
    await page.getByRole("button", { name: "Copy text" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /0:07 {2}user: I want a refund/);
    const json = await (await fetch(base + await page.getByRole("link", { name: "JSON" }).getAttribute("href"))).json();
    assert.equal(json.transcript.length, 3);
  },
  async "everything but the live parts works without scripts"() {
    const page = await open("/", { javaScriptEnabled: false });
    await page.locator("#q").fill("refund");
    await page.getByRole("button", { name: "Search" }).click();
    assert.match(page.url(), /q=refund/);
    await page.locator('[data-facet="agent"]').getByRole("link", { name: /^Ada/ }).click();
    await page.locator("#rows .open").first().click();
    assert.match(page.url(), /\/interactions\//);
    assert((await page.locator("#messages mark").count()) > 0);
    await page.goto(`${base}/overview`);
    assert((await page.locator(".plot").count()) >= 5);
  },
  async "an interaction in progress grows while it is read"() {
    const page = await open("/interactions/growing");
    await page.locator("#live.on").waitFor();
    send(message("growing", 1, "assistant", "Second words", { at: new Date().toISOString() }));
    await page.getByText("Second words").waitFor();
    assert.equal(await page.locator("#messages > li").count(), 2);
  },
  async "new matches wait and do not move what is being read"() {
    const page = await open("/?q=giraffe%20OR%20refund");
    await page.locator("#live.on").waitFor();
    const before = await page.locator("#rows > li").count();
    send(message("giraffe", 0, "user", "My giraffe arrived without its neck"));
    await page.locator("#fresh:not([hidden])").waitFor();
    assert.equal(await page.locator("#rows > li").count(), before);
    await page.locator("#fresh").click();
    await page.waitForFunction((count) => document.querySelectorAll("#rows > li").length > count, before);
  },
  async "eight tabs of one browser load, and hear of what is new"() {
    const context = await browser.newContext();
    const words = ["zebra", "lynx", "otter", "heron", "ibex", "tapir", "bison", "moose"];
    const pages = [];
    for (const word of words) {
      const page = await context.newPage();
      await page.goto(`${base}/?q=${word}%20OR%20refund`);
      pages.push(page);
    }
    for (const page of pages) await page.locator("#live:not([hidden])").waitFor();
    words.forEach((word, idx) => send(message(`tab-${idx}`, 0, "user", `My ${word} is lost`)));
    await Promise.all(pages.map((page) => page.locator("#fresh:not([hidden])").waitFor()));
    for (const page of pages) await page.reload();
    await context.close();
  },
  async "a hidden tab goes on where it left off when it is shown again"() {
    const page = await open("/?q=walrus%20OR%20refund");
    await page.locator("#live.on").waitFor();
    const show = (isHidden) => page.evaluate((isHidden) => {
      Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, isHidden);
    await show(true);
    send(message("walrus", 0, "user", "My walrus is lost"));
    await until("the walrus", async () => (await fetch(`${base}/v1/interactions/walrus`)).ok);
    assert(await page.locator("#fresh").isHidden());
    await show(false);
    await page.locator("#fresh:not([hidden])").waitFor();
  },
  async "the address of an interaction keeps its list, across pages and for whoever gets the link"() {
    const page = await open("/?agent=Ada&agent=Emi&sort=start_time");
    const all = await total(page);
    const ids = () => page.locator("#rows > li").evaluateAll((rows) => rows.map((row) => row.dataset.id));
    const last = (await ids()).at(-1);
    await page.locator("#next").click();
    await page.waitForURL(/page=2/);
    const [first, second] = await ids();
    await page.locator("#rows .open").first().click();
    await page.waitForURL(/\/interactions\//);
    assert.equal(await page.locator("#place").textContent(), `21 of ${all}`);
    const shown = () => page.locator("#interaction").getAttribute("data-id");
    for (const [key, wanted, place] of [["[", last, 20], ["]", first, 21], ["]", second, 22]]) {
      await Promise.all([page.waitForEvent("load"), page.keyboard.press(key)]);
      assert.deepEqual([await shown(), await page.locator("#place").textContent()], [wanted, `${place} of ${all}`]);
    }
    const shared = await open(page.url().slice(base.length));
    assert.equal(await shared.locator("#place").textContent(), `22 of ${all}`);
    await shared.keyboard.press("Escape");
    await shared.waitForURL(/agent=Ada&agent=Emi.*page=2/);
    await shared.waitForFunction((id) => document.activeElement?.closest("[data-id]")?.dataset.id === id, second);
  },
  async "best match pages on when its view is gone"() {
    const page = await open("/?q=parcel");
    await Promise.all([page.waitForEvent("load"), page.locator("#next").click()]);
    const ids = () => page.locator("#rows > li").evaluateAll((rows) => rows.map((row) => row.dataset.id));
    const wanted = await ids();
    // As after a minute: a view that the server does not keep.
    const address = new URL(page.url());
    const cursor = JSON.parse(Buffer.from(address.searchParams.get("cursor"), "base64url"));
    const token = cursor.c;
    cursor.c = token.replace(/("view":)\d+/, "$1" + 987654321);
    assert.notEqual(cursor.c, token);
    const text = JSON.stringify(cursor).replace(/"s":\d+/, /"s":\d+/.exec(Buffer.from(address.searchParams.get("cursor"), "base64url").toString())[0]);
    address.searchParams.set("cursor", Buffer.from(text).toString("base64url"));
    await page.goto(address.href);
    assert.deepEqual(await ids(), wanted);
    assert.match(await page.locator(".pages").textContent(), /Page 2/);
  },
  async "choosing a filter keeps scroll and focus, and the way back"() {
    const page = await open("/", { viewport: { width: 1280, height: 500 } });
    const before = await total(page);
    await page.evaluate(() => { window.stays = true; scrollTo(0, 300); });
    const value = page.locator('[data-facet="agent"]').getByRole("link", { name: /^Ada/ });
    await value.scrollIntoViewIfNeeded();
    const top = await page.evaluate(() => scrollY);
    await value.click();
    await page.waitForURL(/agent=Ada/);
    assert.equal(await page.evaluate(() => window.stays), true);
    assert.equal(await page.evaluate(() => scrollY), top);
    await page.waitForFunction(() => document.activeElement.closest("[data-value]")?.dataset.value === "Ada");
    assert((await total(page)) < before);
    await page.goBack();
    await page.waitForFunction((total) => Number(document.querySelector("[data-total]")?.dataset.total) === total, before);
  },
  async "the skip link leads to the results"() {
    const page = await open("/?q=refund");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "results");
  },
  async "an unknown address answers a browser with a page, and a program with a problem"() {
    const page = await open("/nothing/here");
    assert.match(await page.locator("main").textContent(), /nothing at \/nothing\/here/);
    assert.equal((await fetch(`${base}/nothing/here`)).headers.get("content-type"), "application/problem+json");
  },
  async "a row that is in view stays true"() {
    const page = await open("/?q=words&columns=messages_count,status");
    await page.locator("#live.on").waitFor();
    const row = page.locator('#rows > [data-id="growing"]');
    const said = await row.locator(".w-number").textContent();
    send(message("growing", 9, "assistant", "More words", { at: new Date().toISOString() }));
    await page.waitForFunction((said) => document.querySelector('#rows > [data-id="growing"] .w-number').textContent !== said, said);
  },
  async "at 500 messages the head and the panel stay in sight"() {
    const page = await open("/?q=日本");
    await page.locator("#rows .open").first().click();
    await page.waitForURL(/\/interactions\/long/);
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight / 2));
    for (const selector of [".headline h1", ".summary-line", "#back", "#place", "[data-matches]", "#match-next", ".panel h2"]) {
      const box = await page.locator(selector).first().boundingBox();
      assert(box.y >= 0 && box.y < 300, `${selector} is at ${box.y}`);
    }
  },
  async "export downloads exactly what is shown"() {
    const page = await open("/?q=refund&agent=Ada");
    await page.keyboard.press("e");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV, every match" }).click()]);
    const csv = readFileSync(await download.path(), "utf8").trim().split(/\r?\n/);
    assert.equal(csv.filter((line) => line.includes("order-")).length, await total(page));
  },
  async "every mark of the overview leads to interactions"() {
    const page = await open("/overview?agent=Ada");
    await page.locator('.ranking a[href*="llm_model="]').first().click();
    await page.waitForURL(/agent=Ada.*llm_model=/);
    assert((await total(page)) > 0);
  },
  async "the overview compares with the period before, in the order that is asked for, and filters like the list"() {
    const page = await open("/overview?since=3h");
    const agents = page.locator("#by-agent");
    assert.match(await agents.locator("tbody tr").first().textContent(), /[+−±]\d+ %/);
    await agents.getByRole("link", { name: "Change" }).click();
    await page.waitForURL(/order=-change/);
    assert.equal(await agents.locator("th[aria-sort]").getAttribute("aria-sort"), "descending");
    await page.locator('[data-facet="agent"]').getByRole("link", { name: /^Ada/ }).click();
    await page.waitForURL(/\/overview\?.*agent=Ada/);
    assert.equal(await agents.locator("tbody tr").count(), 1);
    assert.match(await page.locator("#by-field").textContent(), /Slowest Response/);
  },
  async "choosing a filter or an order on the overview keeps scroll and focus, and the way back"() {
    const page = await open("/overview?since=3h", { viewport: { width: 1280, height: 500 } });
    const shown = () => page.locator(".outcome a").textContent();
    const before = await shown();
    await page.evaluate(() => { window.stays = true; });
    const value = page.locator('[data-facet="agent"]').getByRole("link", { name: /^Ada/ });
    await value.scrollIntoViewIfNeeded();
    await page.evaluate(() => scrollTo(0, 300));
    await value.click();
    await page.waitForURL(/\/overview\?since=3h&agent=Ada/);
    assert.deepEqual(await page.evaluate(() => [window.stays, scrollY]), [true, 300]);
    await page.waitForFunction(() => document.activeElement.closest("[data-value]")?.dataset.value === "Ada");
    assert.notEqual(await shown(), before);
    await page.locator("#by-agent").getByRole("link", { name: "CSAT" }).click();
    await page.waitForURL(/order=-csat/);
    await page.waitForFunction(() => document.activeElement.closest("th")?.getAttribute("aria-sort") === "descending");
    // What takes the place of a plot says its numbers, too.
    await page.locator("figure.plot a").last().focus();
    assert.match(await page.locator(".tip").textContent(), /^\d{1,2} \w{3} 2\d{3}.*: ./);
    await page.goBack();
    await page.goBack();
    await page.waitForFunction((before) => document.querySelector(".outcome a")?.textContent === before, before);
    assert.equal(await page.evaluate(() => window.stays), true);
  },
  async "a plot says its numbers at once, by keyboard too, and is brushed"() {
    const page = await open("/overview?since=90d");
    const plot = page.locator("figure.plot").first();
    await plot.locator("a").last().hover();
    assert.match(await page.locator(".tip").textContent(), /in part: \d+ interactions?/);
    await plot.locator("a").last().focus();
    await page.keyboard.press("Home");
    const first = await plot.locator("a").first().getAttribute("aria-label");
    assert.equal(await page.locator(".tip").textContent(), first);
    assert.equal(await plot.locator('a[tabindex="0"]').count(), 1);
    assert((await plot.locator(".hatch").count()) > 0);
    const box = await plot.locator("svg").boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 2, box.y + 20, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/\/overview\?.*since=.*until=/);
  },
  async "the recording, the time line and the transcript follow each other"() {
    // Fifteen seconds of silence, 8 bits at 8 kHz.
    const wav = Buffer.alloc(44 + 120_000, 128);
    wav.write("RIFF", 0); wav.writeUInt32LE(36 + 120_000, 4); wav.write("WAVEfmt ", 8); wav.writeUInt32LE(16, 16); wav.writeUInt16LE(1, 20);
    wav.writeUInt16LE(1, 22); wav.writeUInt32LE(8_000, 24); wav.writeUInt32LE(8_000, 28); wav.writeUInt16LE(1, 32); wav.writeUInt16LE(8, 34);
    wav.write("data", 36); wav.writeUInt32LE(120_000, 40);
    const page = await open("/");
    await page.context().route("https://calls.example/**", (route) => route.fulfill({ body: wav, contentType: "audio/wav", headers: { "accept-ranges": "bytes" } }));
    await page.goto(`${base}/interactions/call`);
    await page.locator("#messages .at").nth(1).click();
    await page.evaluate(() => document.querySelector("#recording").play());
    await page.waitForFunction(() => document.querySelector("#messages .heard")?.textContent.includes("I was cut off."));
    assert((await page.evaluate(() => document.querySelector("#recording").currentTime)) >= 8);
    assert.equal(await page.locator(".speech .cursor").count(), 1);
    await page.locator(".speech a").first().click();
    await page.waitForFunction(() => document.querySelector("#messages .heard")?.textContent.includes("How can I help?"));
    const policy = (await fetch(`${base}/interactions/call`)).headers.get("content-security-policy");
    assert.match(policy, /media-src calls\.example$/);
    assert.doesNotMatch((await fetch(base)).headers.get("content-security-policy"), /media-src/);
    // What the test asks for itself is no request of the page's own accord.
    for (let idx = problems.length - 1; idx >= 0; idx -= 1) if (problems[idx].includes("asked https://calls.example/")) problems.splice(idx, 1);
  },
  async "who took over has a lane of their own"() {
    const page = await open("/interactions/handed-over");
    assert.match(await page.locator(".speech").textContent(), /agent.*human agent.*caller/s);
    assert.equal(await page.locator(".speech .span.human").count(), 1);
  },
  async "a printed conversation has absolute times, two pages at most and no buttons"() {
    const page = await open("/interactions/order-5");
    const pdf = await page.pdf({ format: "A4" });
    assert((pdf.toString("latin1").match(/\/Type \/Page\b(?!s)/g) ?? []).length <= 2);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator("button:visible, .button:visible, input:visible").count(), 0);
    assert.match(await page.locator(".summary-line time").evaluate((time) => getComputedStyle(time, "::after").content), /\d{1,2} \w{3} \d{4}, \d\d:\d\d:\d\d/);
  },
  async "the days on which clocks are put forward and back have a bar each, and count what started late on them"() {
    // Half past eleven at night of such a day, and how many hours it has.
    const late = [
      ["Europe/Berlin", "2026-03-29", 23, "2026-03-29T21:30:00Z"], ["Europe/Berlin", "2026-10-25", 25, "2026-10-25T22:30:00Z"],
      ["America/New_York", "2026-03-08", 23, "2026-03-09T03:30:00Z"], ["America/New_York", "2026-11-01", 25, "2026-11-02T04:30:00Z"],
      ["Australia/Lord_Howe", "2026-10-04", 23.5, "2026-10-04T12:30:00Z"], ["Australia/Lord_Howe", "2026-04-05", 24.5, "2026-04-05T13:00:00Z"],
    ];
    late.forEach(([, , , at], idx) => send(message(`pelican-${idx}`, 0, "user", `My pelican${idx} is late`, { at })));
    await until("the pelicans", async () => (await (await fetch(`${base}/v1/interactions?limit=0&q=pelican*`)).json()).total === late.length);
    const page = await open("/");
    for (const [idx, [zone, day, hours, at]] of late.entries()) {
      const distant = (days) => new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);
      await page.goto(`${base}/?q=pelican${idx}&tz=${encodeURIComponent(zone)}&since=${distant(-16)}&until=${distant(16)}`);
      const bounds = (await page.locator(".histogram").getAttribute("data-bounds")).split(" ").map(Number);
      const bar = bounds.findLastIndex((bound) => bound <= Date.parse(at));
      assert.deepEqual([-1, 0, 1].map((step) => (bounds[bar + step + 1] - bounds[bar + step]) / 3_600_000), [24, hours, 24], `${day} in ${zone}`);
      const [, date, month] = /(\d\d) (\w{3})/.exec(new Date(day).toUTCString());
      assert.match(await page.locator(".histogram a").getAttribute("aria-label"), new RegExp(`^${Number(date)} ${month} 2026: 1 interaction$`), `${day} in ${zone}`);
    }
  },
  async "yesterday, last week and this month are a click away, and count what started in them"() {
    const day = 86_400_000;
    const today = Math.floor(Date.now() / day) * day;
    const monday = today - ((new Date(today).getUTCDay() + 6) % 7) * day;
    const first = Date.UTC(new Date(today).getUTCFullYear(), new Date(today).getUTCMonth());
    const begun = [Date.now() - 1_000, today - 1, today - day, today - day - 1, monday - 1, monday - 7 * day, monday - 7 * day - 1, first, first - 1];
    begun.forEach((at, idx) => send(message(`ostrich-${idx}`, 0, "user", "My ostrich is late", { at: new Date(at).toISOString() })));
    await until("the ostriches", async () => (await (await fetch(`${base}/v1/interactions?limit=0&q=ostrich`)).json()).total === begun.length);
    const page = await open("/?q=ostrich");
    for (const [name, from, to] of [["Yesterday", today - day, today], ["Last week", monday - 7 * day, monday], ["This month", first, Infinity]]) {
      await page.locator("#range > summary").click();
      await page.locator("#range").getByRole("link", { name, exact: true }).click();
      await page.waitForFunction((name) => document.querySelector("#range > summary").textContent.includes(name), name);
      assert.equal(await total(page), begun.filter((at) => from <= at && at < to).length, name);
    }
  },
  async "costs beside each other have the same digits, and their points one above the other"() {
    for (const [agent, amount] of [["Penny", "0.0142"], ["Dollar", "12.5"], ["Thousand", "1234.5"]])
      send({ event: "interaction.completed", interaction_id: `cost-${agent}`, agent, start_time: new Date(start).toISOString(), end_time: new Date(start + 9_000).toISOString(),
        cost: { amount, currency: "USD" }, transcript: [{ role: "user", message: "What does a quokka cost?" }] });
    await until("the quokkas", async () => (await (await fetch(`${base}/v1/interactions?limit=0&q=quokka`)).json()).total === 3);
    const page = await open("/overview?q=quokka&since=90d");
    const costs = await page.locator("#by-agent tbody tr").evaluateAll((rows) => rows.map((row) => [...row.children].find((cell) => cell.textContent.includes("$"))).map((cell) => [cell.textContent.trim(), cell.getBoundingClientRect().right]));
    assert.equal(costs.length, 3);
    assert.deepEqual(new Set(costs.map(([text]) => text.split(".")[1]?.length)).size, 1, JSON.stringify(costs));
    assert.equal(new Set(costs.map(([, right]) => Math.round(right))).size, 1, JSON.stringify(costs));
  },
  async "costs of two currencies are not added up, and each currency is a filter"() {
    for (const [currency, amount] of [["EUR", "2.5"], ["JPY", "230"]])
      send({ event: "interaction.completed", interaction_id: `paid-${currency}`, agent: currency, start_time: new Date(start).toISOString(), end_time: new Date(start + 9_000).toISOString(),
        cost: { amount, currency }, transcript: [{ role: "user", message: "What does a wombat cost?" }] });
    await until("the wombats", async () => (await (await fetch(`${base}/v1/interactions?limit=0&q=wombat`)).json()).total === 2);
    const page = await open("/overview?q=wombat&since=90d&order=-cost");
    const shown = await page.locator("#results").textContent();
    assert.match(shown, /Costs are in 2 currencies:EUR · JPY/);
    assert.doesNotMatch(shown, /Cost,|232|Total Costs/);
    await page.locator(".totals").getByRole("link", { name: "JPY" }).click();
    await page.waitForURL(/currency=JPY/);
    assert.match(await page.locator(".totals").textContent(), /230 JPY/);
    assert.equal(await page.locator("figure.plot").filter({ hasText: "Cost, JPY" }).count(), 1);
  },
  async "text in plots has one size on every screen, and nothing of it is cut or covered"() {
    for (const path of ["/overview?since=90d", "/interactions/call"]) {
      const page = await open(path);
      for (const width of [360, 641, 1000, 1280, 1920]) {
        await page.setViewportSize({ width, height: 800 });
        const wrong = await page.evaluate(() => [...document.querySelectorAll(".chart")].flatMap((chart) => {
          const [around, texts] = [chart.closest("figure").getBoundingClientRect(), [...chart.querySelectorAll("text, .values span, .lanes span")].map((text) => [text, text.getBoundingClientRect()]).filter(([, box]) => box.width > 0)];
          const covers = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 4 && b.top < a.bottom - 4;
          return texts.filter(([text, box], idx) => box.height < 12 || box.height > 20 || box.left < around.left || box.right > around.right || texts.slice(idx + 1).some(([, other]) => covers(box, other))).map(([text]) => text.textContent);
        }));
        assert.deepEqual(wrong, [], `${path} at ${width}`);
      }
      await page.context().close();
    }
  },
  async "on a phone, menus open inside the screen and tables of the overview need no scrolling"() {
    for (const width of [360, 430, 500]) {
      const page = await open("/", { viewport: { width, height: 740 } });
      for (const menu of ["#columns", "#export"]) {
        await page.locator(`${menu} > summary`).click();
        const box = await page.locator(`${menu} > :not(summary)`).boundingBox();
        assert(box.x >= 0 && box.x + box.width <= width, `${menu} is from ${box.x} to ${box.x + box.width} at ${width}`);
        await page.locator(`${menu} > summary`).click();
      }
      await page.goto(`${base}/overview?since=3h`);
      assert.deepEqual(await page.locator(".scroll").evaluateAll((tables) => tables.filter((table) => table.scrollWidth > table.clientWidth).map((table) => table.ariaLabel)), []);
      await page.context().close();
    }
  },
  async "a point of the mood has the colour of the label beside its message"() {
    for (const path of ["/interactions/order-5", "/interactions/order-1", "/interactions/hostile"]) {
      const page = await open(path);
      const differing = await page.locator(".mood a").evaluateAll((points) => points.filter((point) => {
        const feel = document.getElementById(point.getAttribute("href").slice(1)).querySelector(".mark-feel .feel, .mark-feel")?.textContent.trim().toLowerCase();
        return !point.querySelector("circle").classList.contains(feel);
      }).map((point) => point.outerHTML));
      assert.deepEqual(differing, [], path);
    }
  },
  async "the transcript says who spoke in which role"() {
    const page = await open("/interactions/handed-over");
    const spoken = await page.locator("#messages > li").evaluateAll((items) => items.map((item) => item.querySelector(".speaker").textContent.trim()));
    assert.deepEqual(spoken.map((text) => /assistant|user|human/.exec(text)?.[0]), ["assistant", "user", "human"]);
  },
  async "erasing asks first, and shows a receipt"() {
    send(message("gone-soon", 0, "user", "My address is 1 Main Street"));
    await until("the interaction", async () => (await fetch(`${base}/v1/interactions/gone-soon`)).ok);
    const page = await open("/interactions/gone-soon", { javaScriptEnabled: false });
    await page.getByRole("link", { name: "Erase…" }).click();
    assert.match(await page.locator("main").textContent(), /cannot be undone/);
    await page.getByRole("button", { name: "Erase for good" }).click();
    await page.waitForURL(/\/erasures\//);
    assert.match(await page.locator("main").textContent(), /Erased.*no longer, since \d/s);
    assert.equal((await fetch(`${base}/v1/interactions/gone-soon`)).status, 404);
  },
  async "the first page is light"() {
    const context = await browser.newContext();
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    let bytes = 0;
    session.on("Network.loadingFinished", (event) => { bytes += event.encodedDataLength; });
    await page.goto(`${base}/`, { waitUntil: "load" });
    process.stdout.write(`first page: ${bytes} bytes over the wire\n`);
    assert(bytes < 100 * 1024, `${bytes} bytes`);
  },
  async "pages fit screens of every width"() {
    for (const path of ["/?q=refund&since=90d", "/interactions/order-5", "/overview", "/interactions/long", "/interactions/call", "/views", `/?columns=${["sentiment", "csat", "rating", "topic", "agent", "organization", "status", "country", "os", "duration", "total_costs", "start_time"]}`]) {
      const page = await open(path);
      for (const width of [360, 640, 800, 961, 1241, 1280, 2560]) {
        await page.setViewportSize({ width, height: 740 });
        const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert(excess <= 0, `${path} is ${excess} px too wide at ${width}`);
        // Nothing sticks out of what it stands in, and no number, mark or time is cut off.
        const outside = await page.evaluate(() => [...document.querySelectorAll(".row > *, .facts > *, .quotes > li > *, .bar > *, .strip > *, .search-row > *, .card dd, .total *")].filter((element) => {
          const [box, around] = [element, element.closest(".row, .facts.head, .results, main, .card, .total")].map((each) => each.getBoundingClientRect());
          return box.width > 0 && !element.closest(".visually-hidden, .menu > :not(summary)") && (box.right > around.right + 1 || box.left < around.left - 1);
        }).concat([...document.querySelectorAll(".w-mark, .w-status, .w-score, .w-number, .w-amount, .w-when")].filter((cell) => cell.scrollWidth > cell.clientWidth + 1)).map((element) => element.outerHTML.slice(0, 120)));
        assert.deepEqual(outside.slice(0, 3), [], `${path} at ${width}`);
      }
      await page.context().close();
    }
  },
  async "every value stands under its head, and status chips are whole"() {
    const twelve = ["sentiment", "csat", "rating", "topic", "agent", "organization", "status", "country", "os", "duration", "total_costs", "start_time"];
    for (const width of [1280, 1920]) {
      const page = await open(`/?columns=${twelve}`, { viewport: { width, height: 800 } });
      const wrong = await page.evaluate(() => {
        const heads = [...document.querySelectorAll(".facts.head > *")].map((head) => head.getBoundingClientRect());
        const astray = (cell, idx) => { const box = cell.getBoundingClientRect(); return Math.abs(box.left - heads[idx].left) > 1 || Math.abs(box.right - heads[idx].right) > 1; };
        const isCutSideways = (cell) => cell.scrollWidth > cell.clientWidth + 1;
        const isCut = (chip) => { const [box, around] = [chip, chip.parentElement].map((each) => each.getBoundingClientRect()); return box.bottom > around.bottom || box.top < around.top; };
        return [...document.querySelectorAll(".row .facts")].flatMap((facts) => [...facts.children].filter(astray)).concat([...document.querySelectorAll(".row .status")].filter(isCut), [...document.querySelectorAll(".facts.head > *")].filter(isCutSideways)).map((element) => element.outerHTML.slice(0, 120));
      });
      assert.deepEqual(wrong.slice(0, 3), [], `${width} px`);
      await page.context().close();
    }
  },
  async "axe finds nothing wrong, light and dark, wide and narrow"() {
    const paths = ["/?q=refund&agent=Ada", "/interactions/order-5?q=refund", "/overview?since=90d", "/", "/?q=%22", "/?q=nothinglikethis", "/interactions/hostile", "/interactions/call", "/views"];
    for (const [idx, path] of paths.entries()) {
      for (const colorScheme of ["light", "dark"]) {
        for (const width of [1280, 390]) {
          // The first three stand for the others in what depends on theme and width together.
          if (idx >= 3 && (colorScheme === "light") === (width === 390)) continue;
          const page = await open(path, { colorScheme, viewport: { width, height: 800 }, bypassCSP: true });
          await page.evaluate(axe);
          const { violations } = await page.evaluate(() => window.axe.run());
          const told = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`);
          assert.deepEqual(told, [], `${path}, ${colorScheme}, ${width} px`);
          await page.context().close();
        }
      }
    }
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  problems.length = 0;
  try {
    await check();
    assert.deepEqual(problems, []);
    process.stdout.write(`ok - ${name}\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`FAILED - ${name}: ${error.stack ?? error}\n`);
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
process.stdout.write(`done: ${Object.keys(checks).length - failed} of ${Object.keys(checks).length} checks\n`);
process.exit(failed ? 1 : 0);
