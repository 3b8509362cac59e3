/*
 * Returns a function that loads the page again, or only offers it if something would be lost or be
 * done twice: the visitor has edited a form, or the page is the answer to a form that was sent.
 *
 * plain: returns an object with the properties of its class alone. posted: whether the page is
 * such an answer. offer: called instead of loading the page. remember: has the next page say what
 * was saved.
 */
(function reloading(plain, posted, offer, remember) {
  let edited;
  let leaving;

  /** Notes that the visitor has edited something, also what a framework has taken over. */
  const note = ({ target, isTrusted }) => {
    // What a script changed without a visitor counts only if it differs from the page's source.
    if ((isTrusted || target.value !== target.defaultValue) && !plain(target).closest?.('.dcp')) edited = true;
  };

  addEventListener('input', note, true);

  /** Loads the page again: once, because a second call would cancel the first. */
  const reload = () => {
    // A reload would send the form again, and an address with a fragment would load nothing.
    if (posted) location.replace(location.href.split('#')[0]);
    else if (!leaving) location.reload();
    leaving = setTimeout(() => { leaving = 0; });
  };

  return (saysSaved, isAsked) => {
    if (!isAsked && (posted || edited)) return offer();
    if (saysSaved) remember();
    return reload();
  };
});
