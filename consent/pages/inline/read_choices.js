(function(e,t,o){const n=(e,t)=>Object.fromEntries(Object.entries(e).map(([e,o])=>[e,t(e,o)]));return{categories:n(o.categories,e),tools:n(o.tools,(e,{name:o})=>({name:o,allowed:t(e)}))}})
