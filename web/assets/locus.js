// What script adds: buttons that copy ids and commands, and errors that go once they are mended. Everything works without.
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

document.addEventListener("DOMContentLoaded", () => {
  addCopyButtons(document);
  document.body.addEventListener("input", forgetError);
  document.body.addEventListener("htmx:afterSwap", () => addCopyButtons(document));
});
