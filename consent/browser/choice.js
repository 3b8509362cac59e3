/*
 * The script of each page: opens the preferences, sends a choice, starts newly allowed tools and
 * removes what refused tools have stored. Without this script the browser sends the same forms, so
 * a choice can be made and takes effect without it.
 *
 * If pages are the same for every visitor (CACHEABLE, a separate build), it reads from the
 * preference cookie what the visitor allows, loads the file with the code of the allowed tools, and
 * shows the notice if the visitor has to be asked.
 *
 * window.consent: allows, allow, open, save, acceptAll, rejectAll, withdraw; once and reload, for embeds;
 * start and settle, for the files that the server generates.
 * Event on document, after each saved choice: `consent:change`, with the detail
 * {version: 1, revision, choices: {category: boolean}, allowed: [tool keys]}.
 *
 * Elements are looked up when they are used and every listener is on window, because a page may
 * swap its body (Turbo, HTMX) at any time.
 *
 * `make assets` builds the file that pages load. It and the stylesheet may have 8,192 bytes in all
 * after compression. Repeated text compresses well, so some selectors are not in constants.
 */

// The script may be on a page twice, or be loaded again with a swapped body. (An element with the
// id `consent` is a property of window too, but has no `allows`.)
(() => {
  if (window.consent?.allows?.call) return;

  /**
   * Returns `object` with the properties of its class alone: an image called `cookie` would hide
   * that of the document, and a field called `matches` that of its form.
   */
  const plain = (object) => {
    const type = Object.getPrototypeOf(object);
    return new Proxy({}, {
      get: (_, name) => {
        const value = Reflect.get(type, name, object);
        return typeof value === 'function' ? value.bind(object) : value;
      },
      set: (_, name, value) => Reflect.set(type, name, value, object),
    });
  };
  const page = plain(document);

  /** Returns whether the node is an element that matches `selector`. */
  const is = (node, selector) => node instanceof Element && plain(node).matches(selector);

  const DAY = SHARED.SECONDS_PER_DAY * 1000;
  const SHOWN = 10000;
  const TIMEOUT = 10000;

  const nonce = page.currentScript?.nonce;
  // A choice that is sent again with the same key is recorded once. (Only https has such keys.)
  const submission = crypto.randomUUID?.();

  const all = (selector, root = page) => [...root.querySelectorAll(selector)];
  /** Returns our element with this id, which may be followed by the rest of a selector. */
  const own = (id) => page.querySelector(`#dcp-${id}`);
  const preferences = () => own('preferences');
  const boxes = (form, name = 'choices') => all(`[name=${name}]`, form || preferences());
  const nameOf = (box) => box.labels[0].textContent;

  // Keys of the tools that run on this page: each is started once.
  const started = new Set(all(`[${SHARED.TOOL}]`).map((el) => el.getAttribute(SHARED.TOOL)));
  let hiding;
  // What was said last, and whether it offers to load the page again.
  let said = '';
  let offered;
  let cleanUp;
  // Whether the page waits for the rule of the visitor's region.
  let waits;
  let queue = Promise.resolve();
  // The preference cookie that this page follows.
  let known;

  /** Runs `action`; returns nothing if cookies or storage throw, as in a sandbox. */
  const attempt = (action) => {
    try {
      return action();
    } catch {
      return undefined;
    }
  };

  /** Runs `action`. What it throws is reported as uncaught, and stops nothing else. */
  const guard = (action) => {
    try {
      action();
    } catch (error) {
      setTimeout(() => { throw error; });
    }
  };

  /** Returns what a page that requires Trusted Types takes as HTML; its policy may forbid ours. */
  const rules = attempt(() => trustedTypes.createPolicy('consent', { createHTML: (html) => html }));
  const trust = (html) => (rules ? rules.createHTML(html) : html);

  /** Returns the address of a path on this host, which a <base> of the page does not change. */
  const here = (path) => new URL(path, location).href;

  /** Has the next page show what was saved. No address changes: tools that still run would see it. */
  const remember = () => attempt(() => sessionStorage.setItem(SHARED.STATUS_ID, 1));

  // The visitor's decision

  /**
   * Returns the categories whose data is sold or shared, if the browser opts out of that
   * (https://www.w3.org/TR/gpc/; data-dnt is empty unless CONSENT_DNT is on).
   */
  const optedOut = () => (
    navigator.globalPrivacyControl || navigator.doNotTrack === preferences().dataset.dnt
      ? all('[data-sale]', preferences()).map((row) => row.dataset.category) : []
  );

  /** Returns the preference cookie's text, the account's if there is one; null without any. */
  const readCookie = () => {
    const [ofBrowser, ofAccount] = preferences().dataset.cookie.split(' ').map((name) => (
      `; ${page.cookie}`.split(`; ${name}=`).slice(1).map((rest) => rest.split(';')[0])
    ));
    const found = ofAccount?.[0] ? ofAccount : ofBrowser;
    // Copies that differ allow nothing, and are a refusal if one of them is: see cookie_copies.py.
    return found.every((text) => text === found[0]) ? found[0] ?? null
      : (found.find((text) => /_0\b/.test(text)) || '').replace(/_\d+/g, '_0');
  };

  /**
   * Returns category keys and the revisions at which they were granted (0: refused); null without
   * a preference cookie, false or undefined if the cookie contains no valid decision. The rules
   * are those of decision.py and compiled_policy.py.
   */
  const decision = () => attempt(() => {
    const policy = preferences().dataset;
    const text = readCookie();
    if (text === null) return null;
    const [format, revision, day, ...choices] = text.split('.');
    const grants = new Map(choices.map((choice) => choice.split('_')));
    const size = grants.size;
    // The format of a decision that was made although the browser opts out has a second character.
    if (!format[1]) optedOut().forEach((key) => grants.set(key, '0'));
    // Devices' clocks are often wrong, so a decision is over by the server's day alone. In a page
    // from a cache that may be an earlier day; the browser deletes the cookie at its own end.
    const { day: today } = policy;
    // The pattern does not ensure that only the first two numbers have no key. The comparisons do,
    // because they are false for NaN.
    return RegExp(SHARED.COOKIE_PATTERN).test(text)
      && today - day < policy.lifetime
      && day - Math.max(today, Date.now() / DAY) <= 1
      && size === choices.length
      && [...grants.values()].every((granted) => granted - revision <= 0) && grants;
  });

  /**
   * Returns the revision up to which the visitor's grant covers `category`; false without a grant.
   * A grant at a revision that this policy never issued is void.
   */
  const reach = (category) => {
    const grants = decision();
    return grants === null && preferences().dataset.runsFirst
      && !optedOut().includes(category)
      ? Infinity
      : grants && preferences().dataset.issued.split('.').includes(grants.get(category))
        && grants.get(category);
  };

  /** Returns whether the visitor refused the category or tool with this key. */
  const denies = (key) => {
    const grants = decision();
    return grants && grants.get(key) === '0';
  };

  /** Returns whether pages at the revision `limit` did not show the tool, as it was paused then. */
  const wasHidden = (el, limit) => {
    const [first, end] = (el.dataset.hidden || '').split('-');
    return limit - first >= 0 && limit - end < 0;
  };

  /** Returns whether a grant up to the revision `limit` covers the category's row or the tool. */
  const covers = (el, limit) => el.dataset.since - limit <= 0 && !wasHidden(el, limit);

  /** Returns the box's row and its tools, filtered by whether the decision covers them. */
  const parts = (box, covered) => {
    const row = box.closest('[data-category]');
    const limit = reach(box.value);
    return [row, ...all('[data-tool]', row)].filter((el) => covers(el, limit) === covered);
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
   * Returns whether the category or tool with this key may run, by the current preference cookie.
   * @param {string} key
   * @returns {boolean} false for a key that the policy does not have
   */
  const allows = (key) => {
    const found = described(key);
    // Essential tools have the revision 0, which every decision covers. A denied category is
    // excluded; an essential one cannot be denied.
    // The owner may have stopped all that is optional, whatever visitors allowed.
    return !!found && covers(
      found,
      !denies(key) && !preferences().dataset.stopped
        && reach(found.closest('[data-category]').dataset.category),
    );
  };

  const refused = (key) => described(key) && !allows(key);

  const offer = () => {
    offered = true;
    say(said);
  };
  const reload = INCLUDE('reloading.js')(plain, preferences()?.dataset.posted, offer, remember);

  /** Reloads the page if a tool runs that was refused meanwhile; returns whether it does. */
  const leave = () => [...started].some(refused) && !reload();

  // Starting tools

  const scripts = INCLUDE('live_scripts.js')(page, guard, trust, nonce);

  /** Puts HTML into a template, with the shadow roots that it declares. */
  const fillTemplate = (template, html) => {
    if (template.setHTMLUnsafe) template.setHTMLUnsafe(trust(html));
    else template.innerHTML = trust(html);
  };

  /** Inserts the content of the template, and runs its scripts in order if the tool is new here. */
  const launch = (tool, place) => {
    const { content } = place;
    const first = !started.has(tool);
    // Markup that was parsed without scripting has real elements in its <noscript>.
    for (const el of all('noscript', content)) el.remove();
    for (const el of all('style', content)) el.nonce = nonce;
    const pairs = scripts.pairsIn(content);
    started.add(tool);
    place.replaceWith(content);
    // It may be refused while a script loads.
    if (first) scripts.runAll(pairs, () => !refused(tool));
  };

  /** Starts a tool in each of its placeholders, or, if there are none, at its place on the page. */
  const start = ({ tool, placement, html }) => {
    const places = all(`[${SHARED.SLOT}]`).filter((slot) => slot.getAttribute(SHARED.SLOT) === tool);
    if (!places.length && placement !== 'manual' && !started.has(tool)) {
      places[0] = page[placement].appendChild(page.createElement('template'));
    }
    for (const place of places) {
      fillTemplate(place, html);
      launch(tool, place);
    }
  };

  // Pages that are the same for everyone

  const addScript = (src) => {
    const script = scripts.toScript(`<script src="${src}"></script>`);
    page.head.append(script);
    return script;
  };

  /** Returns the keys of the tools beside the box that were refused, or hidden from the visitor. */
  const leftOut = (box) => all('[data-tool]', box.closest('[data-category]'))
    .filter((el) => denies(el.dataset.tool) || wasHidden(el, reach(box.value)))
    .map((el) => el.dataset.tool);

  /** Loads the rule of the visitor's region, and the file with the code of the allowed tools. */
  const load = () => {
    const { dataset } = preferences() || {};
    if (!dataset) return;
    if (dataset.region && decision() === null) {
      waits = addScript(here(dataset.region));
      waits.onload = waits.onerror = () => waits && settle();
      dataset.region = '';
    }
    const grants = boxes().flatMap((box) => {
      const since = parts(box, true).map((el) => el.dataset.since);
      return since.length
        ? [`${box.value}_${Math.max(...since)}`, ...leftOut(box).map((key) => `${key}_0`)] : [];
    }).join('.');
    if (grants && !dataset.stopped) addScript(here(`${dataset.tools}${grants}.js`));
  };

  /** Applies the rule of the visitor's region, and its notice, to the page. */
  const settle = (answer) => {
    waits = 0;
    if (answer) {
      Object.assign(preferences().dataset, answer.data);
      if (own('notice')) own('notice').outerHTML = trust(answer.notice);
    }
    refresh();
  };

  /**
   * Replaces placeholders by their content if the visitor allows it, and the template `once` by
   * its content regardless of what the visitor allows.
   */
  const fillIn = (once) => {
    for (const part of all(`[${SHARED.IF}]`)) {
      let end = part;
      let depth = 0;
      do depth += is(end, `[${SHARED.IF}]`) - is(end, `[${SHARED.END}]`);
      while (depth && (end = plain(end).nextElementSibling));
      if (end && (part === once || allows(part.getAttribute(SHARED.IF)))) {
        while (part.nextSibling !== end) plain(part.nextSibling).remove();
        end.remove();
        guard(() => {
          fillTemplate(part, part.getAttribute(SHARED.MARKUP));
          launch(part, part);
        });
      }
    }
  };

  // Stopping tools

  /**
   * Returns whether `name` is one of `patterns`, in which * stands for anything. It looks for each
   * part once, and never goes back as a regular expression would: see cookie_cleanup.py.
   */
  const isNamed = (name, patterns) => patterns.some((pattern) => {
    const [first, ...others] = pattern.split('*');
    if (!others.length) return name === first;
    const last = others.pop();
    const end = name.length - last.length;
    let at = first.length;
    return at <= end && name.startsWith(first) && name.endsWith(last) && others.every((part) => {
      const found = name.indexOf(part, at);
      at = found + part.length;
      return found >= 0 && at <= end;
    });
  });

  /** Returns a function that tells whether a name is to be deleted as one of `patterns`. */
  const matcher = (patterns) => (name) => (
    isNamed(name, patterns) && !isNamed(name, [...cleanUp.keep, SHARED.STATUS_ID])
  );

  /** Deletes a cookie with every path and domain that this page could have set. */
  const expire = (name) => {
    const domains = location.hostname.split('.')
      .map((_, index, labels) => `;domain=${labels.slice(index).join('.')}`);
    // /a/b, /a/, /a and /
    for (let path = location.pathname; path; path = path.replace(/\/$|[^/]+$/, '')) {
      for (const domain of ['', ...domains]) {
        // Without `secure` for plain http, and with it for names that require it.
        for (const kind of ['', ';secure', ';secure;partitioned']) {
          page.cookie = `${name}=;max-age=0;path=${path}${domain}${kind}`;
        }
      }
    }
  };

  /** Deletes the cookies and storage keys of tools that are not allowed, as far as a script can. */
  const erase = () => {
    attempt(() => page.cookie.split('; ').map((pair) => pair.split('=')[0])
      .filter(matcher(cleanUp.cookies)).forEach(expire));
    // If one of them is blocked, so is the other.
    attempt(() => [localStorage, sessionStorage].forEach((area) => Object.keys(area)
      .filter(matcher(cleanUp.storage)).forEach((name) => area.removeItem(name))));
    // Firefox learned in 2024 to list databases. One that is open goes when the page does.
    attempt(() => indexedDB.databases().then((found) => found.map(({ name }) => name)
      .filter(matcher(cleanUp.storage)).forEach((name) => indexedDB.deleteDatabase(name)), () => {}));
  };

  /** Deletes the data of refused tools, and returns whether one of them is running here. */
  const stop = (stopped) => {
    const running = stopped.tools.some((tool) => started.has(tool));
    cleanUp = stopped;
    erase();
    // Running code may write again until the page is unloaded. These events are the last ones, in
    // this order, and the listener that was added last is called last.
    if (running) ['pagehide', 'visibilitychange'].forEach((last) => addEventListener(last, erase));
    return running;
  };

  // Messages to the visitor

  const showStatus = (shown) => {
    own('status').style.display = shown ? 'flex' : 'none';
    if (!shown) said = '';
    own('status [data-consent-reload]').hidden = !offered;
    clearTimeout(hiding);
    hiding = shown && !offered && setTimeout(showStatus, SHOWN);
  };

  const say = (words) => {
    const place = own('status [data-consent-words]');
    said = words;
    place.textContent = '';
    showStatus(true);
    // Screen readers announce changes in a live region only if it existed before.
    setTimeout(() => {
      place.textContent = offered ? `${said} ${own('status').dataset.reload}` : said;
    }, 50);
  };

  /** Shows what was saved; a value above 0 means that the category is allowed. */
  const saySaved = (choices) => {
    const words = own('status').dataset;
    const names = (fits) => boxes().filter((box) => fits(choices[box.value])).map(nameOf).join(', ');
    const yes = names((granted) => granted > 0);
    const no = names((granted) => granted <= 0);
    const some = words.some.replace(/{.*?}/g, (name) => (name === '{granted}' ? yes : no));
    say(no ? yes ? some : words.none : words.all);
  };

  const isVisible = (el) => el?.getClientRects().length;

  /** Shows or clears an error where the visitor is: in the dialog, the notice or the page. */
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

  /** Removes the notice, and moves the focus to a control that opens the preferences. */
  const removeNotice = () => {
    const focused = own('notice:focus-within');
    own('notice')?.remove();
    if (focused) focusControl();
  };

  /** Shows that the browser's opt-out is honoured, if a category is off because of it. */
  const tellOfSignal = () => {
    for (const line of all('.dcp-gpc')) line.hidden = optedOut().every(allows);
  };

  /** Shows the notice if it has something to ask, and removes it otherwise. */
  const settleNotice = () => {
    const notice = own('notice');
    tellOfSignal();
    if (!notice || (CACHEABLE && waits)) return;
    if (decision() && !boxes().some((box) => newsBeside(box)[0])) {
      removeNotice();
    } else if (CACHEABLE && notice.hidden) {
      const news = new Set(boxes().flatMap((box) => newsBeside(box).map((tool) => (
        parts(box, true).length
          ? `${tool.querySelector('label,b').textContent} (${nameOf(box)})`
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
    const response = await fetch(here(method ? api : `${api}?outcome=true`), {
      method,
      headers: { 'Content-Type': 'application/json' },
      // The page sends the revision that it showed, so that nothing newer is granted.
      body: choices && JSON.stringify({
        choices, revision, version, key: submission, source: form?.dataset.source,
      }),
      // The choice is sent even if the visitor follows a link at once.
      keepalive: true,
      signal: AbortSignal.timeout?.(TIMEOUT),
    });
    if (!response.ok) throw Error(response.status);
    return response.json();
  };

  /**
   * Makes the page follow a saved choice, and returns the event's detail. `elsewhere`: whether it
   * was saved on another page.
   */
  const follow = async (answer, form, elsewhere) => {
    const { revision, choices, allowed } = answer;
    // The page's Content-Security-Policy allows only the tools that were allowed before.
    const running = stop(answer.stop) || preferences().dataset.reload;
    const away = is(form, '[data-consent-leave]');
    known = readCookie();
    offered = false;
    if (elsewhere) {
      showStatus();
      said = '';
      settleNotice();
      if (!isEdited()) fill();
    } else {
      preferences().close();
      removeNotice();
      saySaved(choices);
    }
    // A page that is reloaded gets its tools from the server.
    if (!running && !away) {
      for (const item of answer.start) {
        // Meanwhile the visitor may go on, and may even refuse the tool.
        await new Promise(setTimeout);
        if (!refused(item.tool)) guard(() => start(item));
      }
      fillIn();
    }
    const detail = { version: 1, revision, choices, allowed };
    page.dispatchEvent(new CustomEvent('consent:change', { detail }));
    const next = away && form.elements.next.value;
    if (next) {
      remember();
      location.href = here(next);
    } else if (away || running) reload(!elsewhere);
    return detail;
  };

  /** Follows a choice that was saved on another page since this one was last looked at. */
  const look = () => {
    if (page.hidden || !preferences() || attempt(readCookie) === known) return;
    known = readCookie();
    queue = queue.then(() => request()).then(
      (answer) => follow(answer, null, true),
      () => leave() || refresh(),
    );
  };

  /** Returns whether the browser has kept the cookie, which it may refuse without a word. */
  const isKept = (choices) => {
    const text = attempt(readCookie) || '';
    const grants = new Map(text.split('.').map((choice) => choice.split('_')));
    return text && Object.keys(choices).every((key) => !choices[key] === !(grants.get(key) > 0));
  };

  /** Shows at once that a choice is being saved: the notice and the dialog leave. */
  const setBusy = (busy) => all('#dcp-notice,.dcp-dialog').forEach((el) => { el.ariaBusy = busy; });

  const fail = (why, error) => {
    complain(own('status').dataset[why]);
    leave();
    throw error;
  };

  /** Sends a choice after earlier ones; resolves to the event's detail, rejects if not saved. */
  const send = (method, choices, form) => {
    complain('');
    setBusy(true);
    const answer = queue.then(() => request(method, choices, form));
    queue = answer.catch(() => {});
    return answer.finally(() => setBusy(false)).then((saved) => {
      if (isKept(saved.choices)) return follow(saved, form);
      stop(saved.stop);
      return fail('unkept', Error('cookie'));
    }, (error) => fail('failed', error));
  };

  /**
   * Saves a choice for every optional category, and makes the page follow it.
   * @param {Object<string, boolean>} choices
   * @param {HTMLFormElement} [form] the form of the choice
   * @returns {Promise<object>} the event's detail; rejects if the choice was not saved
   */
  const save = (choices, form) => send('PUT', choices, form);

  /** Saves one choice for all categories, or the ticked boxes of the form; returns as `save`. */
  const saveAll = (action, form) => {
    const ticked = action === 'save';
    const tools = boxes(ticked && form, 'tools')
      .filter((box) => !box.checked || denies(box.value));
    return save(Object.fromEntries([...boxes(ticked && form), ...tools].map(
      (box) => [box.value, ticked ? box.checked : action === 'accept-all'],
    )), form);
  };

  // The preferences

  /** Ticks the granted categories, and marks what is newer than the visitor's decision. */
  const fill = () => {
    tellOfSignal();
    for (const box of boxes(null, 'tools')) {
      box.checked = box.defaultChecked = !denies(box.value);
    }
    for (const box of boxes()) {
      box.checked = box.defaultChecked = !parts(box, false).length;
      const news = newsBeside(box);
      const tools = box.closest('[data-category]').querySelector('details');
      if (tools) tools.open = news[0];
      // A hint belongs to no tool.
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
      // The focus on the title makes screen readers start there. (The attribute autofocus would
      // also take the focus when the page loads.)
      own('preferences-title').focus();
    }
    return true;
  };

  const isEdited = () => all('input', preferences()).some((box) => box.checked !== box.defaultChecked);

  /** Closes the preferences or the confirmation; asks first if changes would be lost. */
  const cancel = () => {
    const confirm = own('confirm');
    if (confirm.open) confirm.close();
    else if (isEdited()) confirm.showModal();
    else preferences().close();
  };

  /** Stops an event from reaching the browser, or a library that would send or load by itself. */
  const take = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };

  /** Listens on window, which is never swapped, and in the capture phase, before other code. */
  const on = (type, react) => addEventListener(type, react, true);

  on('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const find = (name) => plain(event.target).closest?.(`[data-consent-${name}]`);
    // Safari does not focus a clicked button, but the dialog returns the focus to it later.
    find('open')?.focus();
    const closer = find('close');
    if (closer?.closest('dialog')) cancel();
    else if (closer?.closest('#dcp-notice')) removeNotice();
    else if (closer) showStatus();
    else if (find('reload')) reload(false, true);
    else if (!find('open') || !open()) return;
    take(event);
  });

  on('submit', (event) => {
    const form = event.target;
    const value = event.submitter?.value;
    // Without the dialog the address of the API is unknown, so the browser sends the form.
    if (!value || !is(form, '[data-consent-form]') || !preferences()) return;
    take(event);
    if (value === 'cancel') {
      cancel();
    } else if (value === 'discard') {
      cancel();
      preferences().close();
    } else saveAll(value, form).catch(() => {});
  });

  /** Handles closing ourselves, where the browser would close the dialog without asking. */
  const dismiss = (event) => {
    if (!own('preferences[open]')) return;
    take(event);
    cancel();
  };

  // A second Esc in a row closes a dialog even if its `cancel` event was prevented.
  on('keydown', (event) => {
    if (event.key === 'Escape') dismiss(event);
  });

  // Other ways to close it, such as the back gesture.
  on('cancel', dismiss);

  on('close', (event) => {
    // The browser returns the focus to the former element. If there is none, the focus is still on
    // an element that has just been hidden.
    if (event.target === preferences() && !isVisible(page.querySelector(':focus'))) {
      focusControl();
    }
  });

  // What a visitor does in the notice, the preferences and their controls is nobody else's business:
  // tools would count it although the visitor refuses. Listeners above come first, and the browser
  // still does what it does. (embed.js listens to its own form.)
  const types = 'click dblclick auxclick contextmenu mousedown mouseup pointerdown pointerup touchstart touchend'
    + ' keydown keypress keyup beforeinput input change focus blur focusin focusout submit reset';
  for (const type of types.split(' ')) {
    on(type, (event) => {
      const path = event.composedPath();
      if (!is(path[0], '[data-consent-ask]') && path.some((el) => is(el, '.dcp,[data-consent-open]'))) {
        event.stopImmediatePropagation();
      }
    });
  }

  // Content that is added to the page

  /** Handles added content, and decisions that the visitor made on another page meanwhile. */
  const refresh = () => {
    // Tools that the server wrote inactive, because it wrote them for a fragment.
    for (const slot of all(`[${SHARED.SLOT}]`)) {
      const tool = slot.getAttribute(SHARED.SLOT);
      if (slot.innerHTML && !refused(tool)) {
        guard(() => {
          fillTemplate(slot, slot.innerHTML);
          launch(tool, slot);
        });
      }
    }
    if (CACHEABLE) load();
    settleNotice();
    fillIn();
  };

  const observer = new MutationObserver((changes) => {
    const wanted = `[${SHARED.SLOT}],[${SHARED.IF}],#dcp-notice`;
    const arrived = changes.flatMap((change) => [...change.addedNodes])
      .some((node) => is(node, wanted) || plain(node).querySelector?.(wanted));
    if (arrived) refresh();
  });

  known = preferences() && attempt(readCookie);
  all(`script[${SHARED.TOOL}]`).forEach(scripts.spend);

  /** Makes the page that the visitor sees from now on follow what they allow. */
  const begin = () => {
    observer.observe(document, { childList: true, subtree: true });
    // Another tab may have saved a choice, or the back button has restored this page as it was.
    for (const type of ['focus', 'pageshow', 'visibilitychange']) addEventListener(type, look);
    const hadNotice = own('notice');
    refresh();
    // The server wrote this page before the visitor decided, because the browser had asked for it
    // before it was needed. (A page that had to be reloaded might come from the same cache again.)
    if (!CACHEABLE && hadNotice && !own('notice') && !preferences().dataset.reload) known = undefined;
    look();
    const remembered = attempt(() => sessionStorage.getItem(SHARED.STATUS_ID));
    attempt(() => sessionStorage.removeItem(SHARED.STATUS_ID));
    // Without this script the address of the next page says that something was saved.
    const isInAddress = location.hash === `#${SHARED.STATUS_ID}`;
    // Not the method that tools may have replaced to note each new address.
    if (isInAddress) History.prototype.replaceState.call(history, history.state, '', location.href.split('#')[0]);
    if ((isInAddress || remembered) && own('status')) {
      showStatus(true);
      const grants = CACHEABLE && decision();
      if (grants) saySaved(Object.fromEntries(grants));
      else if (grants === null) say(own('status').dataset.unkept);
    }
  };

  const api = {
    allows,
    allow: (key, tool) => send('PATCH', { [key]: true, ...denies(tool) && { [tool]: true } }),
    open,
    save,
    acceptAll: () => saveAll('accept-all'),
    rejectAll: () => saveAll(),
    withdraw: () => send('DELETE'),
    once: fillIn,
    reload,
  };
  if (CACHEABLE) {
    api.settle = settle;
    api.start = (tools) => tools.filter((item) => allows(item.tool)).forEach((item) => guard(() => start(item)));
  }
  window.consent = Object.freeze(api);

  // Nothing runs in a page that the browser renders before the visitor sees it, if they ever do.
  if (page.prerendering) page.addEventListener('prerenderingchange', begin, { once: true });
  else begin();
})();
