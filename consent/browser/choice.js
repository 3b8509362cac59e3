/*
 * The visitor's side of consent: opens the preferences, sends a choice, starts what it newly
 * allows and removes what it no longer does. Without this file the same forms are sent as they
 * are, so nothing here is needed for a choice to be made, or honoured.
 *
 * Where pages are the same for every visitor (CACHEABLE, in a build of its own), it reads from the
 * preference cookie what this one allows: it loads the file with the code of those tools, and shows
 * the notice where there is something to ask.
 *
 * window.consent: allows, allow, open, save, acceptAll, rejectAll, withdraw; once, for embeds;
 * start and settle, for the files that the server makes.
 * Event on document, after each saved choice: `consent:change`, its detail being
 * {version: 1, revision, choices: {category: boolean}, allowed: [tool keys]}.
 *
 * Everything is looked up when it is used and every listener is on window, so that a page may
 * swap its body (Turbo, HTMX) at any time.
 *
 * `make assets` builds from this what pages load; 5,120 bytes are all that it and the stylesheet
 * may weigh together. What is said twice in the same words weighs next to nothing: hence some
 * selectors that are not in constants.
 */

// The file may be on a page twice, or come again with a swapped body. (An element with the id
// `consent` is also found on window: it has no `allows`.)
(() => {
  if (window.consent?.allows) return;

  const JAVASCRIPT = /^(module)?$|\/(x-)?javascript$/i;
  const DAY = SHARED.SECONDS_PER_DAY * 1000;
  const SHOWN = 10000;
  const TIMEOUT = 10000;

  const nonce = document.currentScript?.nonce;
  // What is sent again, because no answer came, is recorded once. (Only https has such keys.)
  const submission = crypto.randomUUID?.();

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  /** Returns our element with this id; what follows the id in a selector may follow it here. */
  const own = (id) => document.querySelector(`#dcp-${id}`);
  const preferences = () => own('preferences');
  const boxes = (form, name = 'choices') => all(`[name=${name}]`, form || preferences());
  const nameOf = (box) => box.labels[0].textContent;

  // Keys of the tools that run on this page: each is started once.
  const started = new Set(all(`[${SHARED.TOOL}]`).map((el) => el.getAttribute(SHARED.TOOL)));
  let hiding;
  let leftovers;
  // Whether the page waits to be told what holds in the visitor's region.
  let waits;
  let queue = Promise.resolve();

  /** Runs `action`; in a sandbox cookies and storage throw: then nothing is there. */
  const attempt = (action) => {
    try {
      return action();
    } catch {
      return undefined;
    }
  };

  // The visitor's decision

  /**
   * Returns the categories whose data is sold or shared, where the browser asks not to do that
   * (https://www.w3.org/TR/gpc/; data-dnt is empty unless CONSENT_DNT is on).
   */
  const optedOut = () => (
    navigator.globalPrivacyControl || navigator.doNotTrack === preferences().dataset.dnt
      ? all('[data-sale]', preferences()).map((row) => row.dataset.category) : []
  );

  /**
   * Returns category keys and the revisions at which they were granted (0: refused); null where
   * there is no preference cookie, false or undefined where it is no decision that holds. The same
   * rules as in decision.py and compiled_policy.py.
   */
  const decision = () => attempt(() => {
    const policy = preferences().dataset;
    // Of several with one name the server takes the last, so this does too.
    const [, ...found] = `; ${document.cookie}`.split(`; ${policy.cookie}=`);
    if (!found.length) return null;
    const text = found.pop().split(';')[0];
    const [format, revision, day, ...choices] = text.split('.');
    const grants = new Map(choices.map((choice) => choice.split('_')));
    const size = grants.size;
    if (format === SHARED.FORMAT) optedOut().forEach((key) => grants.set(key, '0'));
    const age = Date.now() / DAY - day;
    // The pattern does not say that only the first two numbers are bare. That shows when they are
    // compared, as NaN never fits.
    return RegExp(SHARED.COOKIE_PATTERN).test(text) && text.length <= SHARED.MAX_COOKIE_LENGTH
      && age >= -1 && age < policy.lifetime
      && revision - policy.revision <= 0 && size === choices.length
      && [...grants.values()].every((granted) => granted - revision <= 0) && grants;
  });

  /** Returns up to which revision the visitor's grant covers `category`; 0 where there is none. */
  const reach = (category) => {
    const grants = decision();
    return grants === null && preferences().dataset.runsFirst
      && !optedOut().includes(category)
      ? Infinity : (grants && grants.get(category)) || 0;
  };

  /** Says whether the visitor refused the category or tool with this key. */
  const denies = (key) => {
    const grants = decision();
    return grants && grants.get(key) === '0';
  };

  /** Returns those parts of the box's row, itself and its tools, that are covered, or are not. */
  const parts = (box, covered) => {
    const row = box.closest('[data-category]');
    const limit = reach(box.value);
    return [row, ...all('[data-tool]', row)].filter((el) => el.dataset.since - limit <= 0 === covered);
  };

  /** Returns the tools beside the box that are newer than a decision that did not refuse them. */
  const newsBeside = (box) => (decision() && !denies(box.value)
    ? parts(box, false).filter((el) => el.dataset.tool) : []);

  /** Returns the element that describes a category or tool: its row, or its entry there. */
  const described = (key) => {
    const find = (name) => own(`preferences [data-${name}="${CSS.escape(key)}"]`);
    return find('category') || find('tool');
  };

  /**
   * Says whether the category or tool with this key may run, by the preference cookie as it is now.
   * @param {string} key
   * @returns {boolean} false for a key that the policy does not have
   */
  const allows = (key) => {
    const found = described(key);
    // What is essential has been there since 0, which anything covers.
    // Nothing that is denied is reached; what is essential needs no reach.
    return !!found && found.dataset.since
      - (!denies(key) && reach(found.closest('[data-category]').dataset.category)) <= 0;
  };

  const refused = (key) => described(key) && !allows(key);

  /** Loads the page anew where something runs that was refused since; returns whether it does. */
  const leave = () => [...started].some(refused) && !location.reload();

  // Starting tools

  /** Says whether the next script has to wait for this one, as it would in a page's source. */
  const blocks = (script) => (
    script.src && !script.async && !script.noModule && script.type !== 'module'
    && JAVASCRIPT.test(script.type)
  );

  /** Marks a script that has run: else Turbo and htmx run it again as they bring the page back. */
  const spend = (script) => {
    if (JAVASCRIPT.test(script.type)) script.type = 'text/plain';
  };

  /** Returns the script that `html` is: one that runs, unlike those which `innerHTML` makes. */
  const toScript = (html) => {
    const script = document.createRange().createContextualFragment(html).firstChild;
    script.nonce = nonce;
    // Made here, it would be async whatever its markup says.
    script.async = script.matches('[async]');
    return script;
  };

  const run = async (tool, scripts) => {
    for (const [old, script] of scripts) {
      if (!started.has(tool)) return; // refused while it waited
      const done = blocks(script) && new Promise((resolve) => {
        script.onload = script.onerror = resolve;
      });
      // A body swap may have taken its place away meanwhile.
      if (!old.isConnected) document.head.append(old);
      old.replaceWith(script);
      spend(script);
      if (done) await done;
    }
  };

  /** Unpacks the template, and runs its scripts in their order if the tool is new here. */
  const launch = (tool, place) => {
    const { content } = place;
    const first = !started.has(tool);
    // What is parsed without scripting has live elements in its <noscript>.
    for (const el of all('noscript', content)) el.remove();
    for (const el of all('style', content)) el.nonce = nonce;
    const scripts = all('script', content).map((old) => {
      const script = toScript(old.outerHTML);
      spend(old);
      return [old, script];
    });
    started.add(tool);
    place.replaceWith(content);
    if (first) run(tool, scripts);
  };

  /** Starts a tool in each place that was kept for it; else, unless it runs, where it belongs. */
  const start = ({ tool, placement, html }) => {
    const places = all(`[${SHARED.SLOT}]`).filter((slot) => slot.getAttribute(SHARED.SLOT) === tool);
    if (!places.length && placement !== 'manual' && !started.has(tool)) {
      places[0] = document[placement].appendChild(document.createElement('template'));
    }
    for (const place of places) {
      place.innerHTML = html;
      launch(tool, place);
    }
  };

  // Pages that are the same for everyone

  const addScript = (src) => {
    const script = toScript(`<script src="${src}"></script>`);
    document.head.append(script);
    return script;
  };

  /** Returns the keys of the tools beside the box that were refused. */
  const deniedBeside = (box) => all('[data-tool]', box.closest('[data-category]'))
    .map((el) => el.dataset.tool).filter(denies);

  /** Loads what holds in the visitor's region, and the file with the code of what is allowed. */
  const load = () => {
    const { dataset } = preferences() || {};
    if (!dataset) return;
    if (dataset.region && decision() === null) {
      waits = addScript(dataset.region);
      waits.onload = waits.onerror = () => waits && settle();
      dataset.region = '';
    }
    const grants = boxes().flatMap((box) => {
      const since = parts(box, true).map((el) => el.dataset.since);
      return since.length
        ? [`${box.value}_${Math.max(...since)}`, ...deniedBeside(box).map((key) => `${key}_0`)] : [];
    }).join('.');
    if (grants) addScript(`${dataset.tools}${grants}.js`);
  };

  /** Makes the page one of the visitor's region: what holds there, and the notice that says it. */
  const settle = (told) => {
    waits = 0;
    if (told) {
      Object.assign(preferences().dataset, told.data);
      if (own('notice')) own('notice').outerHTML = told.notice;
    }
    refresh();
  };

  /**
   * Replaces what stands for the visitors who do not allow something where this one does, and in
   * the place of the template `once`, whatever the visitor allows.
   */
  const fillIn = (once) => {
    for (const part of all(`[${SHARED.IF}]`)) {
      let end = part;
      let depth = 0;
      do depth += end.matches(`[${SHARED.IF}]`) - end.matches(`[${SHARED.END}]`);
      while (depth && (end = end.nextElementSibling));
      if (end && (part === once || allows(part.getAttribute(SHARED.IF)))) {
        while (part.nextSibling !== end) part.nextSibling.remove();
        end.remove();
        // As text, no browser has looked into it; see `conditional_markup` in markup.py.
        part.innerHTML = part.content.textContent;
        launch(part, part);
      }
    }
  };

  // Stopping tools

  /** Returns a function that says whether a name is to be deleted; * in `patterns` is anything. */
  const matcher = (patterns) => {
    const any = (names) => names
      .map((name) => name.replace(/\W/g, (sign) => (sign === '*' ? '.*' : `\\${sign}`))).join('|');
    return (name) => RegExp(`^(?!(${any(leftovers.keep)})$)(${any(patterns)})$`, 's').test(name);
  };

  /** Deletes a cookie wherever this page could have set it: its path and domain cannot be read. */
  const expire = (name) => {
    const domains = location.hostname.split('.')
      .map((_, index, labels) => `;domain=${labels.slice(index).join('.')}`);
    // /a/b, /a/, /a and /
    for (let path = location.pathname; path; path = path.replace(/\/$|[^/]+$/, '')) {
      for (const domain of ['', ...domains]) {
        // Without `secure` for plain http, with it for the names that ask for it.
        for (const kind of ['', ';secure', ';secure;partitioned']) {
          document.cookie = `${name}=;max-age=0;path=${path}${domain}${kind}`;
        }
      }
    }
  };

  /** Deletes what the tools that are not allowed left, as far as a script can. */
  const erase = () => {
    attempt(() => document.cookie.split('; ').map((pair) => pair.split('=')[0])
      .filter(matcher(leftovers.cookies)).forEach(expire));
    // Where one of them may not be used, neither may.
    attempt(() => [localStorage, sessionStorage].forEach((area) => Object.keys(area)
      .filter(matcher(leftovers.storage)).forEach((name) => area.removeItem(name))));
  };

  /** Deletes what is no longer allowed, and returns whether any of it is running here. */
  const stop = (stopped) => {
    const running = stopped.tools.filter((tool) => started.delete(tool)).length;
    leftovers = stopped;
    erase();
    // Code that runs may write again until the page is gone. These events come last, in this order,
    // and what is added to them last is called last.
    if (running) ['pagehide', 'visibilitychange'].forEach((last) => addEventListener(last, erase));
    return running;
  };

  // What the visitor is told

  const showStatus = (shown) => {
    own('status').style.display = shown ? 'flex' : 'none';
    clearTimeout(hiding);
    hiding = shown && setTimeout(showStatus, SHOWN);
  };

  const say = (words) => {
    const place = own('status [data-consent-words]');
    place.textContent = '';
    showStatus(true);
    // Screen readers speak what changes in a region that is there already.
    setTimeout(() => { place.textContent = words; }, 50);
  };

  /** Says what was saved: for each category, more than 0 is yes, and 0 is no. */
  const saySaved = (choices) => {
    const words = own('status').dataset;
    const names = (fits) => boxes().filter((box) => fits(choices[box.value])).map(nameOf).join(', ');
    const yes = names((granted) => granted > 0);
    const no = names((granted) => granted <= 0);
    const some = words.some.replace(/{.*?}/g, (name) => (name === '{granted}' ? yes : no));
    say(no ? yes ? some : words.none : words.all);
  };

  const isVisible = (el) => el?.getClientRects().length;

  /** Tells of a failure, or of none any more, where the visitor is: dialog, notice or page. */
  const complain = (words) => {
    const place = all('.dcp-error').filter((el) => isVisible(el.closest('.dcp'))).pop();
    if (place) place.textContent = words;
    else if (words) say(words);
  };

  /** Focuses the control in the corner, or the first other one that opens the preferences. */
  const focusControl = () => {
    [...all('.dcp-corner button'), ...all('[data-consent-open]')]
      .find(isVisible)?.focus({ preventScroll: true });
  };

  /** Removes the notice, and keeps the keyboard where the preferences can be reached. */
  const removeNotice = () => {
    const focused = own('notice:focus-within');
    own('notice')?.remove();
    if (focused) focusControl();
  };

  /** Says that the browser's opt-out is honoured, where anything is off by it. */
  const tellOfSignal = () => {
    for (const line of all('.dcp-gpc')) line.hidden = optedOut().every(allows);
  };

  /** Shows the notice where it has something to ask, and removes it where it has not. */
  const settleNotice = () => {
    const notice = own('notice');
    tellOfSignal();
    if (!notice || (CACHEABLE && waits)) return;
    if (decision() && !boxes().some((box) => newsBeside(box)[0])) {
      removeNotice();
    } else if (CACHEABLE && notice.hidden) {
      const news = new Set(boxes().flatMap((box) => newsBeside(box).map((tool) => (
        parts(box, true).length
          ? `${(tool.querySelector('label') || tool.firstChild).textContent.trim()} (${nameOf(box)})`
          : nameOf(box)
      ))));
      const place = own('notice .dcp-news b');
      place.textContent = [...news].join(', ');
      place.parentNode.hidden = !news.size;
      notice.hidden = false;
    }
  };

  // Saving

  const request = async (method, choices, form) => {
    const { api, revision, version } = preferences().dataset;
    const response = await fetch(api, {
      method,
      headers: { 'Content-Type': 'application/json' },
      // The page says what it showed: nothing that came later is granted by it.
      body: choices && JSON.stringify({
        choices, revision, version, key: submission, source: form?.dataset.source,
      }),
      // A visitor who chooses and at once follows a link has chosen.
      keepalive: true,
      signal: AbortSignal.timeout?.(TIMEOUT),
    });
    if (!response.ok) throw Error(response.status);
    return response.json();
  };

  /** Makes the page follow a saved choice, and returns the event's detail. */
  const follow = (answer, form) => {
    const { revision, choices, allowed } = answer;
    // Where the page's Content-Security-Policy is that of what was allowed before, it is stale.
    const running = stop(answer.stop) || preferences().dataset.reload;
    const away = form?.matches('[data-consent-leave]');
    preferences().close();
    removeNotice();
    saySaved(choices);
    // A page that is about to be loaded anew gets its tools from the server.
    if (!running && !away) {
      answer.start.forEach(start);
      fillIn();
    }
    const detail = { version: 1, revision, choices, allowed };
    document.dispatchEvent(new CustomEvent('consent:change', { detail }));
    // The status shows on the page that comes.
    const next = away && form.elements.next.value;
    if (next) {
      location.href = `${next}#${SHARED.STATUS_ID}`;
    } else if (away || running) {
      // A fragment of the page's own is kept: it may be an app's route.
      if (!location.hash) history.replaceState(history.state, '', `#${SHARED.STATUS_ID}`);
      location.reload();
    }
    return detail;
  };

  /** Sends a choice after those before it; resolves to the event's detail, rejects if not saved. */
  const send = (method, choices, form) => {
    complain('');
    const answer = queue.then(() => request(method, choices, form));
    queue = answer.catch(() => {});
    return answer.then((saved) => follow(saved, form), (error) => {
      complain(own('status').dataset.failed);
      leave();
      throw error;
    });
  };

  /**
   * Saves a choice for every optional category, and makes the page follow it.
   * @param {Object<string, boolean>} choices
   * @param {HTMLFormElement} [form] where it was made
   * @returns {Promise<object>} the event's detail; rejects if the choice was not saved
   */
  const save = (choices, form) => send('PUT', choices, form);

  /** Saves the same choice for all, or what is ticked in the form; returns as `save` does. */
  const saveAll = (action, form) => {
    const ticked = action === 'save';
    const tools = boxes(ticked && form, 'tools')
      .filter((box) => !box.checked || denies(box.value));
    return save(Object.fromEntries([...boxes(ticked && form), ...tools].map(
      (box) => [box.value, ticked ? box.checked : action === 'accept-all'],
    )), form);
  };

  // The preferences

  /** Ticks what is granted as a whole, and marks what came after the visitor's decision. */
  const fill = () => {
    tellOfSignal();
    for (const box of boxes(null, 'tools')) {
      box.checked = box.defaultChecked = !denies(box.value);
    }
    for (const box of boxes()) {
      box.checked = box.defaultChecked = !parts(box, false).length;
      const news = newsBeside(box);
      // A hint is beside no tool.
      for (const mark of all('.dcp-new,.dcp-hint', box.closest('[data-category]'))) {
        mark.hidden = !news.includes(mark.closest('[data-tool]') || news[0]);
      }
    }
  };

  /** Opens the preferences, and returns whether there are any on this page. */
  const open = () => {
    const dialog = preferences();
    if (!dialog?.showModal) return false;
    if (!dialog.open) {
      fill();
      dialog.showModal();
      complain('');
      // From its title on, a screen reader reads what this is about. (An autofocus attribute
      // would also claim the focus when the page loads.)
      own('preferences-title').focus();
    }
    return true;
  };

  /** Closes the preferences, or the question whether to; asks where that would lose something. */
  const cancel = () => {
    const confirm = own('confirm');
    if (confirm.open) confirm.close();
    else if (all('input', preferences()).some((box) => box.checked !== box.defaultChecked)) confirm.showModal();
    else preferences().close();
  };

  /** Keeps an event from the browser, and from a library that would send or load by itself. */
  const take = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };

  /** Listens on window, which no swap replaces, and first, before any other library. */
  const on = (type, react) => addEventListener(type, react, true);

  on('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const find = (name) => event.target.closest?.(`[data-consent-${name}]`);
    // Safari does not focus a button that is clicked, and the dialog returns the focus.
    find('open')?.focus();
    if (find('close')) showStatus();
    else if (!find('open') || !open()) return;
    take(event);
  });

  on('submit', (event) => {
    const form = event.target;
    const value = event.submitter?.value;
    // Without the dialog nothing says where the API is: the form is sent as it is.
    if (!value || !form.matches('[data-consent-form]') || !preferences()) return;
    take(event);
    if (value === 'cancel') {
      cancel();
    } else if (value === 'discard') {
      cancel();
      preferences().close();
    } else saveAll(value, form).catch(() => {});
  });

  /** Closes the preferences in our way where the browser would do it in its own. */
  const dismiss = (event) => {
    if (!own('preferences[open]')) return;
    take(event);
    cancel();
  };

  // Browsers let a second Esc in a row close a dialog whatever its `cancel` event was told.
  on('keydown', (event) => {
    if (event.key === 'Escape') dismiss(event);
  });

  // Other ways to dismiss it, such as the back gesture.
  on('cancel', dismiss);

  on('close', (event) => {
    // The browser returns the focus to where it was, unless that is gone or was nowhere: then it
    // still is on what has just been hidden.
    if (event.target === preferences() && !isVisible(document.querySelector(':focus'))) {
      focusControl();
    }
  });

  // What comes to the page

  /** Sees to what has come, and to what the visitor decided on another page meanwhile. */
  const refresh = () => {
    // What the server wrote inertly, since it did not write it for this page.
    for (const slot of all(`[${SHARED.SLOT}]`)) {
      const tool = slot.getAttribute(SHARED.SLOT);
      if (slot.innerHTML && !refused(tool)) launch(tool, slot);
    }
    if (CACHEABLE) load();
    settleNotice();
    fillIn();
  };

  new MutationObserver((changes) => {
    const wanted = `[${SHARED.SLOT}],[${SHARED.IF}],#dcp-notice`;
    const arrived = changes.flatMap((change) => [...change.addedNodes])
      .some((node) => node.matches?.(wanted) || node.querySelector?.(wanted));
    if (arrived) refresh();
  }).observe(document, { childList: true, subtree: true });

  // The back button may bring a page back as it was left, with tools that were refused since.
  addEventListener('pageshow', (event) => {
    if (event.persisted && !leave()) refresh();
  });

  all(`script[${SHARED.TOOL}]`).forEach(spend);
  refresh();
  if (location.hash === `#${SHARED.STATUS_ID}` && own('status')) {
    history.replaceState(history.state, '', location.href.split('#')[0]);
    showStatus(true);
    const grants = CACHEABLE && decision();
    if (grants) saySaved(Object.fromEntries(grants));
  }

  const api = {
    allows,
    allow: (key, tool) => send('PATCH', { [key]: true, ...denies(tool) && { [tool]: true } }),
    open,
    save,
    acceptAll: () => saveAll('accept-all'),
    rejectAll: () => saveAll(),
    withdraw: () => send('DELETE'),
    once: fillIn,
  };
  if (CACHEABLE) {
    api.settle = settle;
    api.start = (tools) => tools.filter((item) => allows(item.tool)).forEach(start);
  }
  window.consent = Object.freeze(api);
})();
