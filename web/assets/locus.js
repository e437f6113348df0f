// What script adds: buttons that copy ids and commands, errors that go once they are mended, a plan that says when it is of
// before, and a word when the server does not answer. Everything works without.
"use strict";
document.documentElement.classList.add("scripted");

function addCopyButtons(root) {
  for (const text of root.querySelectorAll("[data-copy]:not([data-copied]), main pre > code:not([data-copied])")) {
    text.dataset.copied = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy " + text.textContent.trim().slice(0, 24));
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent.trim());
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    (text.closest("pre") ?? text).after(button);
  }
}

// What was wrong with a field is no longer said once somebody mends it.
function forgetError(event) {
  const input = event.target;
  if (input.getAttribute?.("aria-invalid") !== "true") return;
  input.removeAttribute("aria-invalid");
  input.closest(".field")?.classList.remove("wrong");
  document.getElementById(input.id + "-error")?.remove();
}

// The file of a plan is saved only while the plan is of the form as it stands: each edit is counted, and each plan asked for
// knows of how many it is.
let edits = 0;
let planned = 0;
let asking = null;
const PLAN_PAUSE = 1000;

function markPlan() {
  const isOld = edits !== planned;
  for (const button of document.querySelectorAll("#plan form button")) button.disabled = isOld;
  for (const hint of document.querySelectorAll("#plan [data-old]")) hint.hidden = !isOld;
}

function noteEdit(event) {
  if (!event.target.closest?.("#query-form")) return;
  edits += 1;
  markPlan();
  // Whoever leaves the field has the plan made anew at once; whoever stays in it, after a pause.
  askAnew();
}

function askAnew() {
  clearTimeout(asking);
  asking = setTimeout(() => {
    if (edits !== planned) htmx.trigger("#plan", "stale");
  }, PLAN_PAUSE);
}

// A server that does not answer leaves what was there before: that is said, until it answers again.
function sayAway(text) {
  document.getElementById("away")?.remove();
  if (!text) return;
  const notice = document.createElement("p");
  notice.id = "away";
  notice.className = "notice warn";
  notice.setAttribute("role", "status");
  notice.textContent = text;
  document.getElementById("content")?.prepend(notice);
}

const AWAY = "This server does not answer at the moment. What you see is from before.";
const BUSY = "This server did not take that at the moment. What you see is from before; try again soon.";

document.addEventListener("locus:away", () => sayAway(AWAY));
document.addEventListener("locus:back", () => sayAway(""));

function askedAgain() {
  document.body.addEventListener("htmx:sendError", () => sayAway(AWAY));
  document.body.addEventListener("htmx:timeout", () => sayAway(AWAY));
  document.body.addEventListener("htmx:responseError", () => sayAway(BUSY));
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    event.detail.xhr.edits = edits;
  });
  document.body.addEventListener("htmx:afterOnLoad", (event) => {
    if (event.detail.xhr.status >= 400) return;
    sayAway("");
    if (event.detail.pathInfo?.requestPath === "/builder") {
      planned = Math.max(planned, event.detail.xhr.edits ?? 0);
      markPlan();
    }
  });
}

document.addEventListener("DOMContentLoaded", () => {
  addCopyButtons(document);
  askedAgain();
  document.body.addEventListener("input", noteEdit);
  document.body.addEventListener("input", forgetError);
  document.body.addEventListener("htmx:afterSwap", () => {
    addCopyButtons(document);
    markPlan();
    // A plan that is swapped takes along what waited to be asked for it.
    if (edits !== planned) askAnew();
  });
});
