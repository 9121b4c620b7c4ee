// Warns a minute before the visit ends by itself, and takes what is on the screen away when it has. Typing and
// moving count: they are told to the server, once a minute at most. Without scripts the page goes away by itself.
const dialog = document.querySelector("#idle");
const idle = Number(dialog.dataset.seconds);
const WARN = Math.min(60, idle / 2);
let end = Date.now() + idle * 1000;
let told = Date.now();
let busy = false;

const left = () => Math.round((end - Date.now()) / 1000);

async function ask(method) {
  const token = document.querySelector("input[name=token]").value;
  const answer = await fetch("/console/visit", { method, headers: { "X-Evoke-Token": token }, redirect: "manual" });
  if (!answer.ok) return leave();
  const { seconds } = await answer.json();
  if (!seconds) return leave();
  end = Date.now() + seconds * 1000;
  told = Date.now();
}

function leave() {
  document.querySelector("main").replaceChildren();
  location.replace(`/console/sign-in?next=${encodeURIComponent(location.pathname)}`);
}

async function look() {
  try {
    if (busy && !dialog.open && Date.now() - told > 60_000) {
      busy = false;
      await ask("POST");
    }
    if (left() <= WARN && !dialog.open) {
      await ask("GET"); // another tab may have been busy
      if (left() <= WARN) dialog.showModal();
    }
    if (left() > WARN && dialog.open) dialog.close();
    if (left() <= 0) await ask("GET");
  } catch {
    if (left() <= 0) leave(); // no connection: what is on the screen goes all the same
  }
  document.querySelector("#idle-left").textContent = left() === 1 ? "a second" : `${Math.max(0, left())} seconds`;
}

for (const deed of ["pointerdown", "keydown", "scroll"]) addEventListener(deed, () => (busy = true), { passive: true });
dialog.addEventListener("close", () => ask("POST").catch(() => {}));
setInterval(look, 1000);
