// Adds copy buttons, and opens what a link leads to and what is printed.
for (const command of document.querySelectorAll(".command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-describedby", command.querySelector("code").id + "-label");
  const said = (text) => { button.textContent = text; setTimeout(() => { button.textContent = "Copy"; }, 2000); };
  button.addEventListener("click", () => {
    const code = command.querySelector("code");
    const text = code.textContent.replaceAll("\u00a0", " ");
    // A page that was opened from a file may have no clipboard: what is selected can be copied by key.
    const select = () => { getSelection().selectAllChildren(code); said(document.execCommand("copy") ? "Copied" : "Selected"); };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => said("Copied"), select); else select();
  });
  command.append(button);
}
const openTarget = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
};
addEventListener("hashchange", openTarget);
// A second click on the same link changes no hash.
document.querySelector("nav").addEventListener("click", () => setTimeout(openTarget));
openTarget();
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const details of closed) details.open = true;
});
addEventListener("afterprint", () => { for (const details of closed) details.open = false; });
