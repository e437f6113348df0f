// Follows a query. The server says that something changed, and the part of the page that shows it is fetched anew. Where
// there is no stream for this reader, the part is fetched every few seconds instead.
"use strict";
const PAUSE = 4000;
const AGAIN = 1000;
let source = null;
let timer = null;
let again = null;
// The mark of what the server said last.
let latest = null;

function part() {
  return document.getElementById("progress");
}

function refresh() {
  if (part()) htmx.trigger(part(), "moved");
}

// Until it is shown: what is said while the part is being replaced reaches nobody.
function catchUp() {
  clearTimeout(again);
  if (latest === null || !part() || latest === part().dataset.mark) return;
  refresh();
  again = setTimeout(catchUp, AGAIN);
}

function rest() {
  source?.close();
  clearInterval(timer);
  clearTimeout(again);
  source = timer = latest = null;
}

// A page that nobody looks at keeps no connection: browsers have few of them for one server.
function follow() {
  rest();
  const path = part()?.dataset.stream;
  if (!path || document.hidden) return;
  source = new EventSource(path);
  source.addEventListener("open", () => document.dispatchEvent(new Event("locus:back")));
  source.addEventListener("progress", (event) => {
    latest = event.lastEventId;
    catchUp();
  });
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) {
      document.dispatchEvent(new Event("locus:away"));
      return;
    }
    rest();
    timer = setInterval(refresh, PAUSE);
  });
}

document.addEventListener("visibilitychange", follow);
document.addEventListener("DOMContentLoaded", () => {
  follow();
  document.body.addEventListener("htmx:afterSwap", () => {
    if (!part()?.dataset.stream) rest();
  });
});
