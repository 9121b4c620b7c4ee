/** The styles, in em of the reader's own font size; a constructable sheet, which a strict CSP allows. */

const LIGHT = `
  color-scheme: light;
  --_accent: var(--evoke-accent, #1c5d63); --_on: var(--evoke-on-accent, #fff);
  --_back: var(--evoke-background, #f4f7f6); --_card: var(--evoke-surface, #fff);
  --_text: var(--evoke-text, #1d2b2e); --_soft: var(--evoke-muted, #536468);
  --_line: var(--evoke-line, #d3dedd); --_edge: var(--evoke-edge, #75878a);
  --_mine: var(--evoke-client, #d8ebe8); --_warm: var(--evoke-safety, #fff1dc); --_warmedge: var(--evoke-safety-edge, #a85b00);
  --_bad: var(--evoke-error, #a8261c);`;
const DARK = `
  color-scheme: dark;
  --_accent: var(--evoke-accent, #8fd0cd); --_on: var(--evoke-on-accent, #0b2426);
  --_back: var(--evoke-background, #131b1d); --_card: var(--evoke-surface, #1d282a);
  --_text: var(--evoke-text, #e6eeee); --_soft: var(--evoke-muted, #a6b8ba);
  --_line: var(--evoke-line, #344446); --_edge: var(--evoke-edge, #7d9194);
  --_mine: var(--evoke-client, #204346); --_warm: var(--evoke-safety, #3a2b14); --_warmedge: var(--evoke-safety-edge, #e8ab55);
  --_bad: var(--evoke-error, #ffb0a6);`;

const CSS = `
:host { display: block; }
.root { all: initial; display: block; block-size: 100%; font-family: var(--evoke-font, system-ui, sans-serif);
  font-size: var(--evoke-font-size, medium); line-height: 1.5; ${LIGHT} } /* nothing is inherited from the page */
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) .root { ${DARK} } }
:host([theme="dark"]) .root { ${DARK} }
/* The buttons and the panel stand in the window, whatever the page does to all its elements. */
:host(:not([mode="page"])) { transform: none !important; filter: none !important; opacity: 1 !important; contain: none !important;
  will-change: auto !important; clip-path: none !important; zoom: 1 !important; }
:host([mode="page"]) { block-size: 100%; }
:host([hidden]), [hidden] { display: none !important; }
*, ::before { box-sizing: border-box; }
p, h2, h3, ul, dl, dd, fieldset { margin: 0; padding: 0; border: 0; }
.hush { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
button, textarea { font: inherit; color: inherit; }
button, .phone { cursor: pointer; touch-action: manipulation; }
:focus-visible { outline: 3px solid var(--_accent); outline-offset: 2px; }
[tabindex="-1"]:focus, .scroll:focus:not(:focus-visible) { outline: none; }
.scroll:focus-visible { outline-offset: -3px; }
.note, .clinic, .delivery, .day, .typing, .who { color: var(--_soft); font-size: .875em; }

.panel { display: flex; flex-direction: column; position: relative; inline-size: 100%; block-size: 100%;
  margin: 0; padding: 0; overflow: clip; color: var(--_text); background: var(--_back); border: 1px solid var(--_line);
  border-radius: var(--evoke-radius, 16px); container-type: inline-size; overflow-wrap: anywhere; text-align: start; }
dialog.panel:not([open]) { display: none; }
dialog.panel { position: fixed; inset: auto; inset-block-end: 1em; inset-inline-end: 1em; z-index: var(--evoke-z, 2147483000);
  inline-size: min(25em, 100vw - 2em); block-size: min(42em, 100dvh - 2em); max-inline-size: none; max-block-size: none;
  box-shadow: 0 12px 40px rgb(0 20 20 / .24); }
::backdrop { background: none; }

header { display: flex; flex-wrap: wrap; align-items: center; gap: .5em; padding: .65em .9em; background: var(--_card);
  border-block-end: 1px solid var(--_line); z-index: 1;
  position: sticky; inset-block-start: 0; } /* also when the page around it scrolls */
.name { flex: 1 1 6em; min-inline-size: 0; position: relative; padding-inline-start: 50px; min-block-size: 40px; align-content: center; }
.name::before, .name::after { content: ""; position: absolute; inset-block-start: calc(50% - 20px); inset-inline-start: 0; inline-size: 40px; block-size: 40px;
  background: var(--_accent); clip-path: path("M20 3C10.6 3 3 9.9 3 18.5c0 4.7 2.3 8.9 5.9 11.7L7.6 37l7.5-3.6c1.6.4 3.2.6 4.9.6 9.4 0 17-6.9 17-15.5S29.4 3 20 3z"); }
.name::after { background: var(--_on); clip-path: path("M18.8 28v-7.5c-4.7.3-7.6-2.2-7.8-7 4.5-.2 7.6 1.6 8.4 5.5.3-4.7 3.3-7.6 8.6-7.7.4 4.9-2 7.9-6.8 8v8.7z"); }
h2 { font-size: 1.125em; line-height: 1.3; font-weight: 650; }
.clinic { line-height: 1.3; }
.quiet { padding: .3em .7em; min-block-size: 2.25em; background: none; border: 1px solid var(--_edge); border-radius: .6em; font-size: .9375em; }
.quiet:hover, .choice:not(.solid):hover { background: var(--_mine); }
.bar { order: 1; flex: 1 0 100%; display: flex; flex-wrap: wrap; gap: .5em; align-items: center; }
.help { padding: .3em .9em; min-block-size: 2.4em; background: var(--_warm); border: 1px solid var(--_warmedge); border-radius: .6em; font-weight: 600; }
.lines { flex: 0 1 auto; overflow: auto; display: grid; gap: .75em; padding: .9em; background: var(--_card);
  border-block-end: 2px solid var(--_warmedge); justify-items: start; min-block-size: 8em; }
.lines ul { display: grid; gap: .75em; list-style: none; }
.lines li { display: grid; gap: .25em; justify-items: start; }
.danger { font-weight: 650; }
.danger + .phone { background: var(--_accent); color: var(--_on); }
.lines li > a { color: var(--_accent); padding-block: .15em; }

.scroll { flex: 1 1 0; min-block-size: 6em; overflow: auto; overscroll-behavior: contain; padding: .9em; scroll-padding: .9em; }
.log { display: grid; gap: .5em; }
.message { display: grid; justify-items: start; gap: .3em; max-inline-size: 100%; min-inline-size: 0; }
.message.client { justify-items: end; }
.day { justify-self: center; padding-block: .6em .2em; }
.bubble { max-inline-size: min(34em, 88%); padding: .55em .85em; white-space: pre-wrap; background: var(--_card);
  border: 1px solid var(--_line); border-radius: 1.1em; border-end-start-radius: .3em; }
.client .bubble { background: var(--_mine); border-color: transparent; border-radius: 1.1em; border-end-end-radius: .3em; }
.clinician .bubble { border-color: var(--_accent); }
.safety .bubble { background: var(--_warm); border: 1px solid var(--_warmedge); border-inline-start-width: 5px; }
.safety + .safety > .buttons { display: none; } /* once in a row is enough */
.safety + .safety > .who { position: absolute; clip-path: inset(50%); }
.safety .who { color: var(--_text); font-weight: 600; }
.notice { justify-items: center; text-align: center; }
.notice .bubble { background: none; border: 0; color: var(--_soft); max-inline-size: 100%; }
.holding .bubble { border-style: dashed; color: var(--_soft); }
.failed .bubble { border: 1px dashed var(--_bad); }
.failed .delivery { color: var(--_bad); text-align: end; }
.delivery { font-size: .8125em; padding-inline: .3em; }
.client:has(~ .client) .delivery[data-state="sent"] { position: absolute; clip-path: inset(50%); }
.link { padding: .15em .35em; min-block-size: 24px; background: none; border: 0; color: inherit; text-decoration: underline; font-weight: 600; }
.typing { display: flex; align-items: center; gap: .6em; padding-block: .5em; }
.dots { display: inline-flex; gap: .25em; }
.dots i { inline-size: .45em; block-size: .45em; border-radius: 50%; background: var(--_soft); animation: nod 1.4s infinite ease-in-out; }
.dots i:nth-child(2) { animation-delay: .18s; } .dots i:nth-child(3) { animation-delay: .36s; }
@keyframes nod { 0%, 60%, 100% { opacity: .35; } 30% { opacity: 1; } }

.choices { display: grid; gap: .6em; inline-size: 100%; padding-block: .25em; }
.buttons { display: flex; flex-wrap: wrap; gap: .5em; }
.choice { display: inline-flex; align-items: center; max-inline-size: 100%; padding: .4em .95em; min-block-size: 2.5em; text-align: start; background: var(--_card);
  border: 1px solid var(--_accent); border-radius: 1.3em; color: var(--_accent); font-weight: 550; text-decoration: none; }
.choice.solid, .send, .opener { background: var(--_accent); color: var(--_on); border: 1px solid var(--_accent); }
.choice:disabled { border-color: var(--_line); background: none; color: var(--_soft); cursor: default; }
.bar .phone { border-radius: .6em; padding: .3em .8em; min-block-size: 2.4em; }
.move { margin-inline-start: auto; }
.wide + span { display: none; }
@container (max-width: 32em) { .wide { display: none; } .wide + span { display: inline; } }
.fresh { margin: 0; padding-inline: 1.5em; border-radius: 0; justify-content: center; }

.ruler, .slots, .card { inline-size: 100%; padding: .8em .9em; background: var(--_card); border: 1px solid var(--_line); border-radius: 1em; }
legend { padding: 0; margin-block-end: .6em; font-weight: 600; }
.steps { display: grid; grid-template-columns: repeat(11, 1fr); gap: .3em; }
.step { position: relative; display: grid; min-block-size: 2.5em; min-inline-size: 24px; }
.step input { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; margin: 0; opacity: 0; cursor: pointer; }
.step span { display: grid; place-items: center; border: 1px solid var(--_edge); border-radius: .6em; font-variant-numeric: tabular-nums; }
.step input:hover + span { background: var(--_mine); }
.step input:checked + span { background: var(--_accent); border-color: var(--_accent); color: var(--_on); font-weight: 700; }
.step input:focus-visible + span { outline: 3px solid var(--_accent); outline-offset: 2px; }
@container (max-width: 32em) { .steps { grid-template-columns: repeat(6, 1fr); } }
.ends { display: flex; justify-content: space-between; gap: 1em; margin-block-start: .5em; font-size: .875em; color: var(--_soft); }
.ends span:last-child { text-align: end; }
.after { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5em; margin-block-start: .7em; }
.after .note { flex: 1 1 8em; }
.slotday { display: grid; gap: .35em; }
.slots { display: grid; gap: .8em; }
.card { max-inline-size: 34em; border-block-start: 4px solid var(--_accent); }
h3 { font-size: 1.0625em; margin-block-end: .5em; }
dl { display: grid; gap: .6em; }
dt { font-size: .875em; color: var(--_soft); }
dd { white-space: pre-wrap; }

.newer { position: relative; align-self: end; margin-inline-end: .9em; margin-block-start: -2.9em; margin-block-end: .4em; padding: .3em 1em; min-block-size: 2.2em; border: 1px solid var(--_accent);
  border-radius: 2em; background: var(--_accent); color: var(--_on); z-index: 1; }
.status:not(:empty) { padding: .5em .9em; background: var(--_warm); border-block-start: 1px solid var(--_warmedge); font-size: .9375em; }
.composer { display: flex; flex-wrap: wrap; align-items: end; gap: .5em; padding: .7em .9em; background: var(--_card); border-block-start: 1px solid var(--_line); }
textarea { flex: 1 1 8em; min-inline-size: 0; min-block-size: 2.75em; padding: .55em .8em; resize: none; background: var(--_back);
  border: 1px solid var(--_edge); border-radius: .9em; line-height: 1.4; }
textarea::placeholder { color: var(--_soft); opacity: 1; }
.send { padding: .5em 1.1em; min-block-size: 2.75em; border-radius: .9em; font-weight: 650; }
.count { flex: 1 0 100%; font-size: .875em; color: var(--_soft); }
.count:empty { display: none; }
.over .count { color: var(--_bad); font-weight: 550; }
.over textarea { border-color: var(--_bad); }

.launcher { position: fixed; inset-block-end: 1em; inset-inline-end: 1em; z-index: var(--evoke-z, 2147483000); display: flex; flex-wrap: wrap;
  justify-content: flex-end; gap: .5em; max-inline-size: calc(100vw - 2em); }
.opener { display: inline-flex; align-items: center; gap: .5em; padding: .6em 1.2em; min-block-size: 3em; border-radius: 2em; font-weight: 650;
  box-shadow: 0 4px 16px rgb(0 20 20 / .22); }
.opener.soft { background: var(--_warm); border-color: var(--_warmedge); color: var(--_text); font-weight: 550; }
.badge { min-inline-size: 1.5em; padding-inline: .35em; border-radius: 1em; background: var(--_on); color: var(--_accent); text-align: center; line-height: 1.5; }

@media (max-width: 30em), (max-height: 30em) {
  dialog.panel { inset: 0; inline-size: 100%; block-size: 100%; border: 0; border-radius: 0; }
}
@media (max-height: 34em) { /* a low window, or a keyboard on the screen: one line for the header */
  header { padding-block: .4em; }
  .name, .first { position: absolute; clip-path: inset(50%); visibility: hidden; }
  .bar { order: 0; flex: 1 1 auto; }
}
@media (max-height: 20em) { /* a phone on its side, 400% zoom: everything scrolls together, help stays in view */
  dialog.panel { overflow: auto; }
  section.panel { block-size: auto; min-block-size: 100%; }
  .scroll, .lines { flex: 1 0 auto; overflow: visible; min-block-size: 0; }
  .newer { margin-block-start: 0; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; } }
@media (forced-colors: active) {
  .client .bubble, .send, .opener { border: 1px solid; }
  .safety .bubble { border-inline-start-width: 5px; }
  .step input:checked + span { forced-color-adjust: none; background: Highlight; color: HighlightText; border-color: Highlight; }
  .dots i { background: CanvasText; }
}
`;

export function sheet() {
  const made = new CSSStyleSheet();
  made.replaceSync(CSS);
  return made;
}
