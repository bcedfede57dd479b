/* <red-feedback>: a button that opens a dialog for a message. <red-feedback helpful>: "Was this page helpful?".
   Nothing is stored in this browser before the first message or vote; from then on localStorage holds the same token
   as for <red-heart>. */
const BASE = new URL(".", import.meta.url); // …/embed/
const KEY = `redheart:${BASE.host}`;
const MAX_MESSAGE = 5000; // characters
const TEXTS = {
  en: {
    open: "Feedback", title: "Send feedback", message: "Message", email: "Email (optional)", hint: "Only if you want a reply.",
    send: "Send", cancel: "Cancel", close: "Close", thanks: "Thank you! Your message was sent.",
    receipt: "Track your message", question: "Was this page helpful?", yes: "Yes", no: "No", more: "Tell us more (optional)",
    voted: "Thank you!", refused: "It wasn't sent. Try again.", empty: "Enter a message.",
    lost: "The server can't be reached. Try again when you're back online.", kept: " Your text stays here.",
  },
  ko: {
    open: "의견 보내기", title: "의견 보내기", message: "내용", email: "이메일 (선택)", hint: "답장을 받고 싶을 때만 적어 주세요.",
    send: "보내기", cancel: "취소", close: "닫기", thanks: "의견을 보냈습니다. 고맙습니다!",
    receipt: "내 의견 확인하기", question: "이 페이지가 도움이 되었나요?", yes: "예", no: "아니요", more: "더 하실 말씀이 있나요? (선택)",
    voted: "답해 주셔서 고맙습니다!", refused: "보내지 못했습니다. 다시 시도해 주세요.", empty: "내용을 입력해 주세요.",
    lost: "서버에 연결할 수 없습니다. 연결되면 다시 시도해 주세요.", kept: " 쓰신 내용은 그대로 있습니다.",
  },
};
const THUMB = "M7 10v12M15 5.9 14 10h5.8a2 2 0 0 1 2 2.6l-2.4 8a2 2 0 0 1-1.9 1.4H4a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2h2.8a2 2 0 0 0 1.8-1.1L12 2a3.1 3.1 0 0 1 3 3.9Z";
const STYLE = `
:host{display:inline-block;font:inherit;color:var(--red-feedback-color,inherit)}
:host([hidden]),[hidden]{display:none!important}
*{box-sizing:border-box;--edge:color-mix(in srgb,currentColor 55%,transparent)}
button{all:unset;box-sizing:border-box;display:inline-flex;align-items:center;justify-content:center;gap:.4em;min-width:44px;
min-height:44px;padding:.3em 1em;border:1px solid var(--edge);
border-radius:var(--red-feedback-radius,999px);cursor:pointer;-webkit-tap-highlight-color:transparent}
button:hover{background:color-mix(in srgb,currentColor 8%,transparent)}
button:focus-visible,a:focus-visible,:is(input,textarea):focus-visible{outline:2px solid currentColor;outline-offset:2px}
[type=submit],[type=submit]:hover{
background:var(--red-feedback-accent,CanvasText);color:var(--red-feedback-on-accent,Canvas);border-color:transparent}
[type=submit]:focus-visible{outline-color:var(--red-feedback-accent,CanvasText)}
[aria-pressed=true]{border-color:currentColor;background:color-mix(in srgb,currentColor 14%,transparent);font-weight:600}
[aria-pressed=true] svg{fill:currentColor}
[aria-disabled=true]{opacity:.6;cursor:default}
svg{width:1.2em;height:1.2em;flex:none;fill:none;stroke:currentColor;stroke-width:1.8;stroke-linejoin:round}
.down svg{transform:scaleY(-1)}
dialog{width:min(26rem,calc(100vw - 2rem));max-height:calc(100dvh - 2rem);margin:auto;padding:1.25rem;overflow:auto;
border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:14px;
background:var(--red-feedback-background,Canvas);color:var(--red-feedback-text,CanvasText)}
dialog::backdrop{background:#0007}
form{display:grid;gap:.75rem;margin:0}
.row{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem}
.title{font-weight:600;font-size:1.15em}
label{display:grid;gap:.3rem;font-weight:600}
small{font-weight:400;font-size:.875em;opacity:.8}
p{margin:0}
input,textarea{width:100%;font:inherit;color:inherit;padding:.6rem .7rem;
border:1px solid var(--edge);border-radius:8px;background:transparent}
textarea{min-height:7rem;resize:vertical}
.more{margin-top:.75rem;max-width:26rem}
.more textarea{min-height:4.5rem}
a{color:inherit;display:inline-flex;align-items:center;min-height:44px}
.error:not(:empty){padding:.5rem .7rem;border-inline-start:3px solid #c8102e;background:color-mix(in srgb,#c8102e 12%,transparent)}
@media(prefers-reduced-motion:no-preference){dialog[open]{animation:in .15s}@keyframes in{from{opacity:0;translate:0 .4rem}}}`;
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

let token = "", number = 0;
const stored = { // as in v1.js
  get: () => { try { return localStorage.getItem(KEY) ?? token; } catch { return token; } },
  set: (value) => { token = value; try { localStorage.setItem(KEY, value); } catch { } },
};

async function explain() { // a server that can be reached but not read does not list this origin
  const reached = navigator.onLine && await fetch(import.meta.url, { cache: "no-store" }).then(() => true, () => false);
  if (reached) console.warn(`${BASE.host} doesn't allow pages of ${location.origin}. Add this origin to your site there.`);
  return reached;
}

class RedFeedback extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    this.lang ||= this.language;
    this.queue = Promise.resolve();
    if (this.hasAttribute("helpful")) this.buildQuestion(); else this.buildButton();
  }

  get language() {
    const lang = (this.getAttribute("lang") ?? this.closest("[lang]")?.lang ?? navigator.language).slice(0, 2);
    return lang in TEXTS ? lang : "en";
  }

  get texts() { return TEXTS[this.language]; }

  add(name, values = {}, parent = this.shadowRoot) {
    return parent.appendChild(Object.assign(document.createElement(name), values));
  }

  button(text, part, parent, values = {}) {
    return this.add("button", { type: "button", part, textContent: text, ...values }, parent);
  }

  /* Sends a form, one after the other. Returns the server's answer; without one shows the reason in `error`. */
  post(path, values, error, unreachable) {
    error.textContent = "";
    return this.queue = this.queue.then(async () => {
      const page = this.getAttribute("key") ?? document.querySelector("link[rel=canonical]")?.href ?? location.href;
      const attributes = ["user", "signature", "site"].map((name) => [name, this.getAttribute(name)]);
      const all = [...Object.entries({ page, token: stored.get(), ...values }), ...attributes];
      const body = new URLSearchParams(all.filter(([, value]) => value));
      const headers = { Accept: "application/json", "Accept-Language": this.language };
      let response, reason, answer = {};
      try {
        const options = { method: "POST", body, headers, credentials: "omit", signal: AbortSignal.timeout(15_000) };
        response = await fetch(new URL(path, BASE), options);
        answer = await response.json();
      } catch (error) { reason = error.name; }
      if (response?.ok) {
        if (answer.token) stored.set(answer.token);
        this.dispatchEvent(new CustomEvent("red-feedback:sent", { bubbles: true, composed: true, detail: values }));
        return answer;
      }
      const away = response ? response.status > 501 : reason === "TimeoutError" || !await explain();
      error.textContent = away ? unreachable : answer.error ?? this.texts.refused;
      return null;
    });
  }

  field(name, type, label, form, hint) {
    const wrapper = this.add("label", { textContent: label }, form);
    const field = this.add(name, { name: type, part: "field" }, wrapper);
    if (hint) this.add("small", { textContent: hint }, wrapper);
    return field;
  }

  /* While a form is being sent, its button does nothing. */
  submit(form, send, act) {
    form.noValidate = true;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (send.ariaDisabled === "true") return;
      send.ariaDisabled = "true";
      await act();
      send.ariaDisabled = "false";
    });
  }

  buildButton() {
    const { texts } = this, id = `title-${++number}`;
    const label = this.getAttribute("label") ?? texts.open;
    const open = this.button(label, "button", this.shadowRoot, { ariaHasPopup: "dialog" });
    const dialog = this.add("dialog", { part: "dialog" });
    dialog.setAttribute("aria-labelledby", id);
    const form = this.add("form", {}, dialog);
    this.add("p", { id, className: "title", textContent: texts.title, part: "title" }, form);
    const message = this.field("textarea", "message", texts.message, form);
    message.maxLength = MAX_MESSAGE;
    message.required = true;
    const email = this.field("input", "email", texts.email, form, texts.hint);
    Object.assign(email, { type: "email", autocomplete: "email" });
    const error = this.add("p", { role: "alert", className: "error", part: "error" }, form);
    const row = this.add("div", { className: "row" }, form);
    const send = this.button(texts.send, "send", row, { type: "submit" });
    const cancel = this.button(texts.cancel, "cancel", row);
    const done = this.add("div", { hidden: true }, dialog);
    const thanks = this.add("p", { tabIndex: -1, role: "status", part: "thanks" }, done);
    const link = { target: "_blank", textContent: texts.receipt, part: "receipt" };
    const receipt = this.add("a", link, this.add("p", {}, done));
    const close = this.button(texts.close, "close", done);
    let formId = "";
    open.addEventListener("click", () => {
      if (!done.hidden) form.reset();
      form.hidden = false;
      done.hidden = true;
      formId ||= Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
      dialog.showModal();
      message.focus();
    });
    for (const each of [cancel, close]) each.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => open.focus());
    this.submit(form, send, async () => {
      if (!message.value.trim() || !email.validity.valid) {
        const wrong = email.validity.valid ? message : email;
        error.textContent = wrong === message ? texts.empty : email.validationMessage;
        return wrong.focus();
      }
      const values = { message: message.value, email: email.value, form: formId };
      const answer = await this.post("feedback/", values, error, texts.lost + texts.kept);
      if (!answer) return;
      formId = "";
      form.hidden = true;
      done.hidden = false;
      receipt.parentNode.hidden = !answer.receipt;
      if (answer.receipt) receipt.href = answer.receipt;
      thanks.textContent = texts.thanks;
      (answer.receipt ? receipt : close).focus();
    });
  }

  buildQuestion() {
    const { texts } = this, id = `question-${++number}`;
    const group = this.add("div", { className: "row", role: "group" });
    group.setAttribute("aria-labelledby", id);
    this.add("span", { id, textContent: this.getAttribute("label") ?? texts.question, part: "question" }, group);
    const thumbs = [["yes", 1], ["no", 0]].map(([name, value]) => {
      const thumb = this.button("", `button ${name}`, group, { ariaPressed: "false" });
      thumb.className = value ? "up" : "down";
      const svg = thumb.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
      svg.setAttribute("viewBox", "0 0 24 24");
      svg.setAttribute("aria-hidden", "true");
      svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path")).setAttribute("d", THUMB);
      thumb.append(texts[name]);
      thumb.addEventListener("click", () => vote(value));
      return [thumb, value];
    });
    const error = this.add("p", { role: "alert", className: "error", part: "error" });
    const status = this.add("p", { role: "status", part: "thanks" });
    const form = this.add("form", { hidden: true, className: "more" });
    const text = this.field("textarea", "text", texts.more, form);
    text.maxLength = MAX_MESSAGE;
    const send = this.button(texts.send, "send", this.add("div", { className: "row" }, form), { type: "submit" });
    let wanted = null, confirmed = null;
    const paint = () => thumbs.forEach(([thumb, value]) => { thumb.ariaPressed = String(value === wanted); });
    const vote = async (value) => { // painted at once, and put back if it could not be saved
      wanted = value;
      paint();
      status.textContent = "";
      const answer = await this.post("ratings/", { helpful: String(value) }, error, texts.lost);
      if (answer) confirmed = value;
      else if (wanted === value) wanted = confirmed;
      paint();
      if (!answer) return;
      form.hidden = false;
      status.textContent = texts.voted;
    };
    this.submit(form, send, async () => {
      if (!text.value.trim()) {
        error.textContent = texts.empty;
        return text.focus();
      }
      const answer = await this.post("ratings/", { helpful: String(wanted), text: text.value }, error,
        texts.lost + texts.kept);
      if (!answer) return;
      text.value = "";
      form.hidden = true;
      status.textContent = texts.thanks;
      thumbs.find(([, value]) => value === wanted)[0].focus();
    });
  }
}

customElements.define("red-feedback", RedFeedback);
