/*
 * Returns what runs scripts on a page that has loaded, as if they had been in its source. `make
 * assets` puts it into choice.js.
 *
 * Deferred scripts run after the others. The listeners that a classic script adds for
 * DOMContentLoaded, load and the like, and window.onload, are called once the snippet's scripts
 * have run, if the event was over before. `document.write`, which would replace the page, does
 * nothing.
 *
 * page: the document, of which no element hides a property. guard: calls a function, and reports
 * what it throws. trust: makes what Trusted Types take of HTML. nonce: the page's.
 */
(function liveScripts(page, guard, trust, nonce) {
  // https://mimesniff.spec.whatwg.org/#javascript-mime-type; without blanks for modules.
  const SPACE = '[\\t\\n\\f\\r ]*';
  const JAVASCRIPT = RegExp(`^(module|${SPACE}((application|text)/(x-)?(java|ecma)script|text/(javascript1\\.[0-5]|jscript|livescript))${SPACE})?$`, 'i');
  // What scripts may wait for: on which object, and when it was over.
  const EVENTS = [
    ['readystatechange', document, 'loadEventStart'],
    ['DOMContentLoaded', document, 'domContentLoadedEventStart'],
    ['DOMContentLoaded', window, 'domContentLoadedEventStart'],
    ['load', window, 'loadEventStart'],
    ['pageshow', window, 'loadEventStart'],
  ];
  // The run of each script that was started here.
  const runs = new WeakMap();
  // The run whose listeners are being called.
  let calling;
  let hooked;

  const typeOf = (script) => {
    const language = script.getAttribute('language');
    return script.getAttribute('type') ?? (language ? `text/${language}` : '');
  };

  /** Returns whether the browser runs the script. */
  const isCode = (script) => JAVASCRIPT.test(typeOf(script));
  const isModule = (script) => /^module$/i.test(typeOf(script));
  const isExternal = (script) => (
    script.hasAttribute('src') && isCode(script) && (isModule(script) || !script.noModule)
  );

  /** Returns whether a script of the page's source would wait until the page is parsed. */
  const isDeferred = (script) => (
    !script.hasAttribute('async') && (isModule(script) || (isExternal(script) && script.defer))
  );

  /** Marks a script that has run, so that Turbo and htmx do not run it again on a restored page. */
  const spend = (script) => {
    if (isCode(script)) script.type = 'text/plain';
  };

  /** Returns the run of the script that adds a listener now, if the event is over. */
  const lateRun = (type, target) => {
    const run = runs.get(page.currentScript) || calling;
    const [timing] = performance.getEntriesByType('navigation');
    const isOver = ([name, on, end]) => name === type && on === target && timing?.[end];
    return EVENTS.some(isOver) ? run : undefined;
  };

  /** Has `target` keep what a script of ours waits for in vain. */
  const hookListeners = (target) => {
    for (const method of ['addEventListener', 'removeEventListener']) {
      const native = target[method];
      target[method] = function listen(type, ...rest) {
        lateRun(type, target)?.late[method](type, ...rest);
        return native.call(this, type, ...rest);
      };
    }
  };

  const hookOnload = () => {
    const { get, set } = Object.getOwnPropertyDescriptor(window, 'onload') || {};
    if (!set) return;
    Object.defineProperty(window, 'onload', {
      configurable: true,
      enumerable: true,
      get: () => {
        const run = lateRun('load', window);
        return run ? run.onload : get.call(window);
      },
      set: (listener) => {
        const run = lateRun('load', window);
        if (run) run.onload = listener;
        else set.call(window, listener);
      },
    });
  };

  /** Keeps the page, which these methods would replace after it is parsed. */
  const hookWrite = () => {
    for (const method of ['write', 'writeln', 'open']) {
      const native = document[method];
      document[method] = (...values) => {
        // While the page is parsed, scripts in its source may write; three values open a window.
        const isSound = page.readyState === 'loading' && !runs.has(page.currentScript);
        if (isSound || values[2]) return native.apply(document, values);
        console.warn(`consent: document.${method} was ignored; it would replace the page.`);
        return document;
      };
    }
  };

  /** Calls the listeners that the run's scripts have added for events that are over. */
  const callListeners = (run) => {
    const { late, onload } = run;
    calling = run;
    for (const type of new Set(EVENTS.map(([name]) => name))) {
      const event = new Event(type, { bubbles: type === 'DOMContentLoaded' });
      Object.defineProperty(event, 'target', { value: document });
      late.dispatchEvent(event);
      if (type === 'load' && onload) guard(() => onload.call(window, event));
    }
    calling = undefined;
    run.late = new EventTarget();
    if (onload) window.onload = onload;
    run.onload = null;
  };

  /** Puts the script into the place of the inactive one; resolves once an external one has run. */
  const insert = (run, old, script) => {
    runs.set(script, run);
    const done = isExternal(script) && new Promise((resolve) => {
      for (const type of ['load', 'error']) script.addEventListener(type, resolve);
    });
    if (done) done.then(() => run.over && callListeners(run));
    // A body swap may have removed its place meanwhile.
    if (!old.isConnected) page.head.append(old);
    old.replaceWith(script);
    spend(script);
    return !script.hasAttribute('async') && done;
  };

  /** Returns a script element made from `html` that runs, unlike those that `innerHTML` creates. */
  const toScript = (html) => {
    const script = page.createRange().createContextualFragment(trust(html)).firstChild;
    script.nonce = nonce;
    return script;
  };

  /** Returns the scripts in the fragment, each with one beside it that runs. */
  const pairsIn = (fragment) => [...fragment.querySelectorAll('script')].map((old) => {
    const script = toScript(old.outerHTML);
    spend(old);
    return [old, script];
  });

  /** Runs the scripts, as long as `isWanted` returns true. */
  const runAll = async (pairs, isWanted) => {
    const run = { late: new EventTarget(), onload: null };
    const deferred = [];
    if (!hooked) {
      hooked = [document, window].forEach(hookListeners) || 1;
      hookOnload();
      hookWrite();
    }
    for (const [old, script] of pairs) {
      if (!isWanted()) return; // refused while it waited
      if (isDeferred(script)) deferred.push([old, script]);
      else {
        const done = insert(run, old, script);
        if (done) await done;
      }
    }
    if (!isWanted()) return;
    await Promise.all(deferred.map(([old, script]) => {
      // Otherwise it would be as with `async`: so is each script that a parser did not insert.
      script.async = false;
      return insert(run, old, script);
    }));
    run.over = 1;
    callListeners(run);
  };

  return {
    pairsIn, runAll, spend, toScript,
  };
});
