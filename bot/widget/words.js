/**
 * The widget's own words: a file per language in strings/. When none can be reached, a few English words below keep
 * help, exit and writing usable.
 */

/** @import { Words } from "./types" */

/** @type {Record<string, any>} */
const FALLBACK = {
  title: "Evoke",
  open: "Chat with Evoke",
  close: "Close",
  exit: "Quick exit",
  send: "Send",
  write: "Your message",
  log: "Conversation",
  help: "Get help now",
  helpDangerNoNumber: "If anyone is in danger, call your local emergency number now.",
  helpElse: "Or go to the nearest emergency department, or ask someone close by to stay with you.",
  helpWhat: "Evoke is a program. It cannot call for help.",
  unreachable: "Evoke cannot be reached right now. It keeps trying.",
};

/**
 * @param {string} language for example "es-MX"
 * @returns {Promise<{language: string, words: Words, complete: boolean}>} complete: not the built-in words
 */
export async function loadWords(language) {
  for (const code of new Set([language.toLowerCase().split("-")[0], "en"])) {
    try {
      const answer = await fetch(new URL(`strings/${encodeURIComponent(code)}.json`, import.meta.url));
      if (answer.ok) return { language: code, words: speaker(await answer.json(), language), complete: true };
    } catch {
      // offline or blocked
    }
  }
  return builtIn();
}

export const builtIn = () => ({ language: "en", words: speaker({}, "en"), complete: false });

/**
 * @param {Record<string, any>} strings a text with {names}, or its plural forms
 * @param {string} language for numbers and plurals
 * @returns {Words}
 */
function speaker(strings, language) {
  const plural = new Intl.PluralRules(language);
  const number = new Intl.NumberFormat(language);
  return (key, values = {}) => {
    let text = strings[key] ?? FALLBACK[key] ?? "";
    if (typeof text === "object") text = text[plural.select(Number(values.n))] ?? text.other;
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name] ?? "";
      return typeof value === "number" ? number.format(value) : value;
    });
  };
}
