/*
 * The visitor's side of consent: opens the preferences, sends a choice, starts what it newly
 * allows and removes what it no longer does. Without this file the same forms are sent as they
 * are, so nothing here is needed for a choice to be made, or honoured.
 *
 * window.consent: allows, open, save, acceptAll, rejectAll, withdraw.
 * Event on document, after each saved choice: `consent:change`, its detail being
 * {version: 1, revision, choices: {category: boolean}, allowed: [tool keys]}.
 *
 * Everything is looked up when it is used and every listener is on document, so that a page may
 * swap its body (Turbo, HTMX) at any time.
 */
(function () {
  'use strict';

  // The file may be on a page twice, or come again with a swapped body. (An element with the id
  // `consent` is also found on window: it has no `allows`.)
  if (window.consent && window.consent.allows) return;

  const SLOT = 'template[data-consent-slot]';
  const NUMBER = '(?:0|[1-9]\\d{0,8})';
  const CHOICE = `[a-z0-9]+(?:-[a-z0-9]+)*_${NUMBER}`;
  const COOKIE = new RegExp(`^1\\.(${NUMBER})\\.(${NUMBER})((?:\\.${CHOICE})*)$`);
  const JAVASCRIPT = /^$|^module$|^(text|application)\/(x-)?javascript$/i;
  const DAY = 86400000;
  const SHOWN = 8000;
  const TIMEOUT = 15000;

  const nonce = document.currentScript ? document.currentScript.nonce : '';
  // Keys of the tools that run on this page: each is started once.
  const started = new Set(all('[data-consent-tool]').map((el) => el.dataset.consentTool));
  let hiding = 0;
  let leftovers = null;
  let queue = Promise.resolve();

  function all(selector, root = document) {
    return [...root.querySelectorAll(selector)];
  }

  function byId(id) {
    return document.getElementById(`dcp-${id}`);
  }

  function preferences() {
    return byId('preferences');
  }

  function boxes(root) {
    return root ? all('input[name="choices"]', root) : [];
  }

  // The visitor's decision

  /** Returns the preference cookie's text; undefined without one. Throws in a sandbox. */
  function cookieText(name) {
    // Of several with one name the server takes the last, so this does too.
    const pairs = document.cookie.split('; ').filter((pair) => pair.startsWith(`${name}=`));
    return pairs.length ? pairs.pop().slice(name.length + 1) : undefined;
  }

  /**
   * Returns category keys and the revisions at which they were granted (0: refused); null if
   * `text` is no decision that holds. The same rules as in decision.py.
   */
  function parse(text, policy) {
    const match = text.length <= 512 && COOKIE.exec(text);
    if (!match) return null;
    const [revision, day] = [Number(match[1]), Number(match[2])];
    const today = Math.floor(Date.now() / DAY);
    const expires = day + Number(policy.lifetime);
    if (expires <= today || day > today + 1 || revision > policy.revision) return null;
    const pairs = match[3].split('.').slice(1).map((pair) => pair.split('_'));
    const grants = new Map(pairs.map(([key, granted]) => [key, Number(granted)]));
    const clear = [...grants.values()].every((granted) => granted <= revision);
    return clear && grants.size === pairs.length ? grants : null;
  }

  /** Returns the grants as `parse` does; none where they are not clear; null while undecided. */
  function decision() {
    const policy = preferences().dataset;
    try {
      const text = cookieText(policy.cookie);
      return text === undefined ? null : parse(text, policy) || new Map();
    } catch {
      return new Map();
    }
  }

  /** Says whether `grants` covers what took its present meaning at revision `since`. */
  function covers(grants, category, since) {
    if (!grants) return preferences().dataset.regime === 'implied';
    const granted = grants.get(category);
    return granted > 0 && granted >= since;
  }

  /** Returns the tools beside `box` that are newer than a decision that did not refuse them. */
  function newsBeside(box, grants) {
    if (!grants || !grants.size || grants.get(box.value) === 0) return [];
    const tools = all('[data-tool]', box.closest('[data-category]'));
    return tools.filter((tool) => !covers(grants, box.value, tool.dataset.since));
  }

  /** Returns the element that describes a category or tool: its row, or its entry there. */
  function described(key) {
    const find = (name) => all(`#dcp-preferences [data-${name}]`)
      .find((el) => el.dataset[name] === key);
    return find('category') || find('tool');
  }

  /**
   * Says whether the category or tool with this key may run, by the preference cookie as it is now.
   * @param {string} key
   * @returns {boolean} false for a key that the policy does not have
   */
  function allows(key) {
    const found = described(key);
    if (!found) return false;
    const row = found.closest('[data-category]').dataset;
    return 'essential' in row || covers(decision(), row.category, found.dataset.since);
  }

  function refused(key) {
    return Boolean(described(key)) && !allows(key);
  }

  // Starting tools

  /** Says whether the next script has to wait for this one, as it would in a page's source. */
  function blocks({ src, async, noModule, type }) {
    return src && !async && !noModule && type !== 'module' && JAVASCRIPT.test(type);
  }

  /** Marks a script that has run: else Turbo and htmx run it again as they bring the page back. */
  function spend(script) {
    if (JAVASCRIPT.test(script.type)) script.type = 'text/plain';
  }

  /** A script that came as text never runs: this returns its copy, which does. */
  function revived(old) {
    const script = document.createElement('script');
    for (const attribute of old.attributes) script.setAttributeNode(attribute.cloneNode());
    script.nonce = nonce;
    script.async = old.hasAttribute('async');
    script.textContent = old.textContent;
    return script;
  }

  async function run(tool, scripts) {
    for (const [mark, old] of scripts) {
      if (!started.has(tool)) return; // refused while it waited
      const script = revived(old);
      const done = blocks(script) && new Promise((resolve) => {
        script.addEventListener('load', resolve);
        script.addEventListener('error', resolve);
      });
      // A body swap may have taken the mark away meanwhile.
      if (mark.isConnected) mark.replaceWith(script);
      else document.head.append(script);
      spend(script);
      if (done) await done;
    }
  }

  /** Puts the markup in `place`, and runs its scripts in their order if the tool is new here. */
  function launch(tool, content, place) {
    const first = !started.has(tool);
    // What is parsed without scripting has live elements in its <noscript>.
    all('noscript', content).forEach((el) => el.remove());
    all('style', content).forEach((el) => { el.nonce = nonce; });
    const scripts = all('script', content).map((old) => {
      const mark = document.createComment('');
      old.replaceWith(mark);
      return [mark, old];
    });
    started.add(tool);
    place.replaceWith(content);
    if (first) run(tool, scripts);
  }

  /** Starts a tool of the API's answer, unless it runs or has no place on this page. */
  function start({ tool, placement, html }) {
    if (started.has(tool)) return;
    const places = all(SLOT).filter((slot) => slot.dataset.consentSlot === tool);
    if (!places.length && placement !== 'manual') {
      places.push(document[placement].appendChild(document.createElement('template')));
    }
    for (const place of places) {
      const template = document.createElement('template');
      template.innerHTML = html;
      launch(tool, template.content, place);
    }
  }

  /** Starts what the server wrote inertly, since it did not write it for this page. */
  function pickUp() {
    for (const slot of all(SLOT)) {
      const tool = slot.dataset.consentSlot;
      if (slot.content.childElementCount && !refused(tool)) {
        launch(tool, slot.content, slot);
      }
    }
  }

  // Stopping tools

  /** Returns what matches a name that is one of `patterns`, in which * is anything. */
  function matcher(patterns) {
    const escaped = patterns.map((name) => name.replace(/[^\w*]/g, '\\$&').replace(/\*/g, '.*'));
    return new RegExp(`^(?:${escaped.join('|')})$`, 's');
  }

  /** Deletes a cookie wherever this page could have set it: its path and domain cannot be read. */
  function expire(name) {
    const labels = location.hostname.split('.');
    const domains = ['', ...labels.map((_, index) => `;domain=${labels.slice(index).join('.')}`)];
    const steps = location.pathname.split('/');
    const folders = steps.map((_, index) => steps.slice(0, index + 1).join('/'));
    const paths = new Set(folders.flatMap((folder) => [folder || '/', `${folder}/`]));
    const kinds = location.protocol === 'https:' ? [';secure', ';secure;partitioned'] : [''];
    for (const path of paths) {
      for (const domain of domains) {
        for (const kind of kinds) {
          document.cookie = `${name}=;max-age=0;path=${path}${domain}${kind}`;
        }
      }
    }
  }

  /** Runs `action`; in a sandbox cookies and storage throw, and then there is nothing to delete. */
  function attempt(action) {
    try {
      action();
    } catch {
      // Nothing is kept there.
    }
  }

  /** Deletes what the tools that are not allowed left, as far as a script can. */
  function erase({ cookies, storage, keep }) {
    const spared = matcher(keep);
    const doomed = (patterns) => {
      const matches = matcher(patterns);
      return (name) => matches.test(name) && !spared.test(name);
    };
    attempt(() => {
      const names = document.cookie.split('; ').map((pair) => pair.split('=')[0]);
      new Set(names.filter(doomed(cookies))).forEach(expire);
    });
    for (const area of ['localStorage', 'sessionStorage']) {
      attempt(() => {
        const kept = window[area];
        Object.keys(kept).filter(doomed(storage)).forEach((key) => kept.removeItem(key));
      });
    }
  }

  function eraseAgain() {
    erase(leftovers);
  }

  /** Deletes what is no longer allowed, and returns whether any of it is running here. */
  function stop(stopped) {
    const running = stopped.tools.filter((tool) => started.delete(tool)).length > 0;
    leftovers = stopped;
    erase(stopped);
    // Code that runs may write again until the page is gone. These events come last, in this order,
    // and what is added to them last is called last.
    if (running) {
      for (const last of ['pagehide', 'visibilitychange']) addEventListener(last, eraseAgain);
    }
    return running;
  }

  // What the visitor is told

  function showStatus(shown) {
    const { classList } = byId('status');
    classList.toggle('dcp-shown', shown);
    classList.toggle('dcp-done', !shown);
    clearTimeout(hiding);
    if (shown) hiding = setTimeout(showStatus, SHOWN, false);
  }

  /** Shows what `compose` makes of the words that the page has for it. */
  function say(compose) {
    const status = byId('status');
    if (!status) return;
    const place = status.querySelector('[data-consent-words]');
    place.textContent = '';
    showStatus(true);
    // Screen readers speak what changes in a region that is there already.
    setTimeout(() => { place.textContent = compose(status.dataset); }, 50);
  }

  /** Returns what was saved as a sentence. */
  function summary(choices, words) {
    const names = (granted) => boxes(preferences())
      .filter((box) => choices[box.value] === granted)
      .map((box) => box.labels[0].textContent.trim())
      .join(', ');
    const [yes, no] = [names(true), names(false)];
    if (!no) return words.all;
    if (!yes) return words.none;
    return words.some.replace('{granted}', () => yes).replace('{refused}', () => no);
  }

  /** Returns where a failure is told: where the visitor is, be it dialog, page or notice. */
  function complaints(form) {
    const dialog = preferences();
    const part = form ? form.closest('.dcp') : dialog && dialog.open ? dialog : byId('notice');
    return part && part.querySelector('.dcp-error');
  }

  function complain(form) {
    const place = complaints(form);
    if (place) place.textContent = byId('status').dataset.failed;
    else say((words) => words.failed);
  }

  // Saving

  async function request(method, choices) {
    const response = await fetch(preferences().dataset.api, {
      method,
      headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
      // The page says what it showed: nothing that came later is granted by it.
      body: choices && JSON.stringify({ choices, revision: Number(preferences().dataset.revision) }),
      // A visitor who chooses and at once follows a link has chosen.
      keepalive: true,
      signal: AbortSignal.timeout ? AbortSignal.timeout(TIMEOUT) : undefined,
    });
    if (!response.ok) throw new Error(`Not saved: ${response.status}`);
    return response.json();
  }

  /** Loads the page again; `url`: or the one that the visitor came from. */
  function leave(url) {
    const here = location.pathname + location.search;
    const there = new URL(url || location.href, location.href);
    // The status shows there. A fragment of the page's own is kept: it may be an app's route.
    if (url || !there.hash) there.hash = 'dcp-status';
    if (there.pathname + there.search !== here) return location.assign(there);
    history.replaceState(history.state, '', there);
    return location.reload();
  }

  /** Removes the notice, and keeps the keyboard where the preferences can be reached. */
  function removeNotice() {
    const notice = byId('notice');
    if (!notice) return;
    const focused = notice.contains(document.activeElement);
    notice.remove();
    if (focused) focusControl();
  }

  /** Makes the page follow a saved choice, and returns the event's detail. */
  function follow({ revision, choices, allowed, start: tools, stop: stopped }, form) {
    const running = stop(stopped);
    const away = form && 'consentLeave' in form.dataset;
    if (preferences().open) preferences().close();
    removeNotice();
    say((words) => summary(choices, words));
    // A page that is about to be loaded anew gets its tools from the server.
    if (!running && !away) tools.forEach(start);
    const detail = { version: 1, revision, choices, allowed };
    document.dispatchEvent(new CustomEvent('consent:change', { detail }));
    if (away) leave(form.elements.next.value);
    else if (running) leave();
    return detail;
  }

  /** Sends a choice after those before it; resolves to the event's detail, rejects if not saved. */
  function send(method, choices, form) {
    const place = complaints(form);
    if (place) place.textContent = '';
    const answer = queue.then(() => request(method, choices));
    queue = answer.catch(() => {});
    return answer.then((saved) => follow(saved, form), (error) => {
      complain(form);
      throw error;
    });
  }

  function chosen(form, choice) {
    const own = boxes(form);
    const offered = own.length ? own : boxes(preferences());
    return Object.fromEntries(offered.map((box) => [box.value, choice(box)]));
  }

  const ACTIONS = {
    'accept-all': () => true,
    'reject-all': () => false,
    save: (box) => box.checked,
  };

  /**
   * Saves a choice for every optional category, and makes the page follow it.
   * @param {Object<string, boolean>} choices
   * @returns {Promise<object>} the event's detail; rejects if the choice was not saved
   */
  function save(choices) {
    return send('PUT', choices);
  }

  /** Allows every optional category; returns as `save` does. */
  function acceptAll() {
    return save(chosen(null, ACTIONS['accept-all']));
  }

  /** Refuses every optional category; returns as `save` does. */
  function rejectAll() {
    return save(chosen(null, ACTIONS['reject-all']));
  }

  /** Takes back all that was granted; returns as `save` does. */
  function withdraw() {
    return send('DELETE');
  }

  // The preferences

  /** Ticks what is granted as a whole, and marks what came after the visitor's decision. */
  function fill(dialog) {
    const grants = decision();
    for (const box of boxes(dialog)) {
      box.defaultChecked = covers(grants, box.value, box.dataset.since);
      box.checked = box.defaultChecked;
      const news = newsBeside(box, grants);
      const row = box.closest('[data-category]');
      all('.dcp-new', row).forEach((mark) => { mark.hidden = !news.includes(mark.parentElement); });
      all('.dcp-hint', row).forEach((hint) => { hint.hidden = !news.length; });
    }
  }

  /** Opens the preferences, and returns whether there are any on this page. */
  function open() {
    const dialog = preferences();
    if (!dialog || !dialog.showModal) return false;
    if (!dialog.open) {
      fill(dialog);
      complaints(dialog).textContent = '';
      dialog.showModal();
      // From its title on, a screen reader reads what this is about. (An autofocus attribute
      // would also claim the focus when the page loads.)
      byId('preferences-title').focus();
    }
    return true;
  }

  /** Focuses the control in the corner, or the first other one that opens the preferences. */
  function focusControl() {
    const controls = [...all('.dcp-corner button'), ...all('[data-consent-open]')];
    const control = controls.find((el) => el.getClientRects().length);
    if (control) control.focus({ preventScroll: true });
  }

  /** Closes the preferences; asks first where that would lose something. */
  function cancel() {
    const dialog = preferences();
    const changed = boxes(dialog).some((box) => box.checked !== box.defaultChecked);
    if (changed) byId('confirm').showModal();
    else dialog.close();
  }

  function discard() {
    byId('confirm').close();
    preferences().close();
  }

  /** Keeps an event from the browser, and from a library that would send or load by itself. */
  function take(event) {
    event.preventDefault();
    event.stopPropagation();
  }

  const CLICKS = {
    'data-consent-open': (control, event) => {
      // Safari does not focus a button that is clicked, and the dialog returns the focus.
      control.focus();
      if (open()) take(event);
    },
    'data-consent-cancel': cancel,
    'data-consent-keep': () => byId('confirm').close(),
    'data-consent-discard': discard,
    'data-consent-close': (control, event) => {
      showStatus(false);
      take(event);
    },
  };

  /** Listens on document, which no swap replaces, and first, before any other library. */
  function on(type, react) {
    document.addEventListener(type, react, true);
  }

  on('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    for (const [attribute, react] of Object.entries(CLICKS)) {
      const control = event.target.closest && event.target.closest(`[${attribute}]`);
      if (control) react(control, event);
    }
  });

  on('submit', (event) => {
    const form = event.target;
    const choice = event.submitter && ACTIONS[event.submitter.value];
    // Without the dialog nothing says where the API is: the form is sent as it is.
    if (!choice || !form.matches('[data-consent-form]') || !preferences()) return;
    take(event);
    send('PUT', chosen(form, choice), form).catch(() => {});
  });

  // Browsers let a second Esc in a row close a dialog whatever its `cancel` event was told.
  on('keydown', (event) => {
    const [dialog, confirm] = [preferences(), byId('confirm')];
    if (event.key !== 'Escape' || !dialog || !dialog.open) return;
    take(event);
    if (confirm.open) confirm.close();
    else cancel();
  });

  // Other ways to dismiss it, such as the back gesture.
  on('cancel', (event) => {
    if (event.target !== preferences()) return;
    take(event);
    cancel();
  });

  on('close', (event) => {
    // The browser returns the focus to where it was, unless that is gone or was nowhere: then it
    // still is on what has just been hidden.
    const focused = document.activeElement;
    const isLost = focused === document.body || !focused.getClientRects().length;
    if (isLost && event.target === preferences()) focusControl();
  });

  /** A notice that comes from a cache, after the visitor has answered, is no question any more. */
  function dropStaleNotice() {
    const grants = preferences() && decision();
    if (!grants || !grants.size) return;
    if (!boxes(preferences()).some((box) => newsBeside(box, grants).length)) removeNotice();
  }

  new MutationObserver((changes) => {
    const wanted = `${SLOT}, #dcp-notice`;
    const arrived = changes.flatMap((change) => [...change.addedNodes])
      .some((node) => node.nodeType === 1 && (node.matches(wanted) || node.querySelector(wanted)));
    if (!arrived) return;
    pickUp();
    dropStaleNotice();
  }).observe(document, { childList: true, subtree: true });

  // The back button may bring a page back as it was left, with tools that were refused since.
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    if ([...started].some(refused)) location.reload();
    else dropStaleNotice();
  });

  all('script[data-consent-tool]').forEach(spend);
  pickUp();
  if (location.hash === '#dcp-status' && byId('status')) {
    history.replaceState(history.state, '', location.pathname + location.search);
    showStatus(true);
  }

  window.consent = Object.freeze({ allows, open, save, acceptAll, rejectAll, withdraw });
})();
