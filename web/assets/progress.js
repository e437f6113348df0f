// Follows a query. The server says that something changed, and the part of the page that shows it is fetched anew. Where
// there is no stream for this reader, the part is fetched every few seconds instead.
"use strict";
const PAUSE = 4000;
let source = null;
let timer = null;

function part() {
  return document.getElementById("progress");
}

function refresh() {
  if (part()) htmx.trigger(part(), "moved");
}

function rest() {
  source?.close();
  clearInterval(timer);
  source = timer = null;
}

// A page that nobody looks at keeps no connection: browsers have few of them for one server.
function follow() {
  rest();
  const path = part()?.dataset.stream;
  if (!path || document.hidden) return;
  source = new EventSource(path);
  source.addEventListener("progress", (event) => {
    if (part() && event.lastEventId !== part().dataset.mark) refresh();
  });
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) return;
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
