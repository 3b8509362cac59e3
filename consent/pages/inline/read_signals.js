(function(e){const n=TYPES;return Object.fromEntries(Object.keys(n).map(t=>[t,n[t].length&&n[t].every(e)?"granted":"denied"]))})
