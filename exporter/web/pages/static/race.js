"use strict";
// Follows a race while it goes on. Without it, the form ends with the page of its result.

{
  const form = document.getElementById("race-form");
  const button = form?.querySelector("button.main");
  const part = (id) => document.getElementById(id);
  let asked = 0;

  // What is chosen, without the text: a prompt of one's own stands in no address.
  function chosen() {
    const fields = new URLSearchParams(new FormData(form));
    fields.delete("text");
    return fields;
  }

  // A prompt of one's own is written only where it is asked.
  function showOwn() {
    if (part("own")) part("own").hidden = part("prompt").value !== "own";
  }

  async function showCost(all) {
    const turn = ++asked;
    const answer = await fetch(`/race?${chosen()}`, {headers: {Accept: "text/html"}});
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (turn !== asked) return;
    const why = page.getElementById("trouble")?.textContent ?? "";
    part("cost").replaceChildren(...(page.getElementById("cost")?.childNodes ?? []));
    if (why) part("cost").textContent = why;
    const targets = page.getElementById("targets");
    if (all && targets) part("targets").replaceWith(targets);
  }

  function showLanes({place, prompt, lanes}) {
    part("place").textContent = place;
    part("asked").textContent = prompt;
    const cards = part("lanes").querySelectorAll(".lane");
    lanes.forEach((lane, number) => {
      const answer = cards[number].querySelector(".answer");
      const atEnd = answer.scrollHeight - answer.scrollTop - answer.clientHeight < 8;
      for (const element of cards[number].querySelectorAll("[data-of]")) {
        const text = lane[element.dataset.of];
        if (element.textContent !== text) element.textContent = text;
      }
      if (atEnd) answer.scrollTop = answer.scrollHeight;
    });
  }

  function take(event, data) {
    if (event === "begin") part("lanes").innerHTML = data.lanes;  // made of our templates, in which all is escaped
    if (event === "lanes") showLanes(data);
    if (event === "result") part("result").innerHTML = data.html;
  }

  async function follow(body) {
    const decoder = new TextDecoder();
    const reader = body.getReader();
    let rest = "";
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      const events = (rest + decoder.decode(value, {stream: true})).split("\n\n");
      rest = events.pop();
      for (const one of events) {
        const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(one);
        take(event, JSON.parse(data));
      }
    }
  }

  async function race(fields) {
    button.disabled = true;
    part("race").hidden = false;
    for (const id of ["lanes", "result", "asked"]) part(id).replaceChildren();
    part("place").textContent = "About to begin";
    try {
      const answer = await fetch("/race", {method: "POST", body: fields, headers: {Accept: "text/event-stream"}});
      if (answer.ok) await follow(answer.body);
      else part("place").textContent = await answer.text();
    } catch {
      part("place").textContent = "The connection broke off, and the race with it.";
    }
    button.disabled = false;
  }

  form?.addEventListener("change", (event) => {
    showOwn();
    if (event.target.id !== "text") showCost(event.target.id === "scenario");
  });
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    race(new URLSearchParams(new FormData(form)));
  });
  if (form) showOwn();
}
