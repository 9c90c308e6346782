"use strict";
// Keeps an open page up to date. The page is whole without it.

const status = document.getElementById("live");
const main = document.getElementById("main");
const CHOICES = ["q", "engine"];
const template = document.createElement("template");
const waiting = new Map();  // parts that changed while the reader had marked text in them
let source = null;
let again = 0;

function say(text, kind) {
  status.textContent = text;
  status.className = kind;
}

function connect() {
  clearTimeout(again);
  source?.close();
  const {live, revision, arrangement} = status.dataset;
  if (!live || document.hidden) return;
  source = new EventSource(`${live}?${new URLSearchParams({since: revision, arrangement})}`);
  source.addEventListener("open", () => say("live", "on"));
  source.addEventListener("parts", (event) => {
    status.dataset.revision = event.lastEventId;
    for (const [id, html] of Object.entries(JSON.parse(event.data))) take(id, html);
    filter();
    tick();
  });
  source.addEventListener("anew", () => { source.close(); readAnew(); });
  source.addEventListener("error", () => {
    say("not live, trying again", "off");
    if (source.readyState === EventSource.CLOSED) again = setTimeout(connect, 10000);
  });
}

// What has come or gone changes the page's order: it is fetched as a whole.
async function readAnew() {
  try {
    const asked = new URL(location.href);
    for (const name of CHOICES) asked.searchParams.delete(name);  // all rows: the choice among them is made here
    const answer = await fetch(asked, {headers: {Accept: "text/html"}});
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focus = address(document.activeElement);
    main.replaceChildren(...page.getElementById("main").childNodes);
    Object.assign(status.dataset, page.getElementById("live").dataset);
    find(main, focus)?.focus({preventScroll: true});
    choose();
    listen();
    filter();
    tick();
    connect();
  } catch {
    say("not live, trying again", "off");
    again = setTimeout(readAnew, 5000);
  }
}

function take(id, html) {
  const old = document.getElementById(id);
  if (!old) return;
  const marked = getSelection();
  if (!marked.isCollapsed && old.contains(marked.anchorNode)) {
    waiting.set(id, html);
    return;
  }
  template.innerHTML = html;
  const fresh = template.content.firstElementChild;
  for (const open of old.querySelectorAll("details[open][id]")) {
    const same = fresh.querySelector(`details[id="${CSS.escape(open.id)}"]`);
    if (same) same.open = true;
  }
  const focus = old.contains(document.activeElement) ? address(document.activeElement) : null;
  const scrolled = [...old.querySelectorAll(".wide")].map((each) => each.scrollLeft);
  old.replaceWith(fresh);
  fresh.querySelectorAll(".wide").forEach((each, place) => { each.scrollLeft = scrolled[place] ?? 0; });
  if (focus) find(fresh, focus)?.focus({preventScroll: true});
}

// Where the focus is, so that it is found again in what takes its element's place.
function address(element) {
  if (!element || element === document.body) return null;
  const details = element.closest("details[id]");
  if (element.tagName === "SUMMARY" && details) return `details[id="${CSS.escape(details.id)}"] > summary`;
  if (element.id) return `[id="${CSS.escape(element.id)}"]`;
  return element.hasAttribute("href") ? `a[href="${CSS.escape(element.getAttribute("href"))}"]` : null;
}

function find(root, selector) {
  return selector && (root.matches?.(selector) ? root : root.querySelector(selector));
}

function filter() {
  const words = document.getElementById("find");
  if (!words) return;
  const engine = document.getElementById("engine").value;
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const group of document.querySelectorAll("table.targets tbody")) {
    let some = false;
    for (const row of group.querySelectorAll("tr[data-find]")) {
      const text = row.dataset.find.toLowerCase();
      row.hidden = !((!engine || engine === row.dataset.engine) && wanted.every((word) => text.includes(word)));
      some ||= !row.hidden;
      found += !row.hidden;
    }
    group.hidden = !some;
  }
  document.getElementById("found").textContent = found === 1 ? "1 target" : `${found} targets`;
}

function choose() {
  const chosen = new URLSearchParams(location.search);
  for (const name of CHOICES) {
    const field = document.querySelector(`form.filter [name="${name}"]`);
    if (field) field.value = chosen.get(name) ?? "";
  }
}

function listen() {
  const form = document.querySelector("form.filter");
  if (!form) return;
  form.addEventListener("input", () => {
    const chosen = new URLSearchParams(location.search);
    for (const [name, value] of new FormData(form)) value ? chosen.set(name, value) : chosen.delete(name);
    history.replaceState(null, "", chosen.size ? `?${chosen}` : location.pathname);
    filter();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}

function distance(seconds) {
  const far = Math.abs(Math.round(seconds));
  if (far < 90) return `${far} s`;
  if (far < 5400) return `${Math.round(far / 60)} min`;
  return far < 129600 ? `${Math.round(far / 3600)} h` : `${Math.round(far / 86400)} d`;
}

function tick() {
  for (const time of main.querySelectorAll("time")) {
    if (!time.title) time.title = `${time.dateTime.replace("T", " ").replace("Z", "")} UTC`;
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    if ("due" in time.dataset && seconds < 1) {
      time.textContent = "now";
      continue;
    }
    time.textContent = seconds > 0 ? `in ${distance(seconds)}` : `${distance(seconds)} ago`;
  }
}

// A link to a chat opens it.
function openLinked() {
  const linked = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (linked?.tagName === "DETAILS") linked.open = true;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) source?.close();
  else if (status.dataset.live) readAnew();  // others, like a race under way, stay as they are
});
document.addEventListener("selectionchange", () => {
  if (waiting.size === 0 || !getSelection().isCollapsed) return;
  const parts = [...waiting];
  waiting.clear();
  for (const [id, html] of parts) take(id, html);
});
document.addEventListener("keydown", (event) => {
  const words = document.getElementById("find");
  if (event.key !== "/" || !words || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  event.preventDefault();
  words.focus();
});
addEventListener("hashchange", openLinked);
document.documentElement.classList.add("scripted");
listen();
openLinked();
tick();
setInterval(tick, 1000);
const chosen = new URLSearchParams(location.search);
if (CHOICES.some((name) => chosen.get(name))) readAnew();
else connect();
