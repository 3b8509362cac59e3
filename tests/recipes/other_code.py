"""Code of vendors that no recipe knows, and words that are no code."""

OTHER_CODE = (
    '<script src="https://cdn.acme.example/api/script.js" data-project="1234"></script>',
    '<script src="https://cdn.acme.example/script.js"></script>',
    '<script src="https://go.acme.example/pd.js"></script>',
    '<script src="https://cdn.acme-chat.example/widget.js?id=1234567" async></script>',
    '<script>window.acme=window.acme||[];acme.push(["init","0123456789abcdef"]);</script>',
    '<script defer data-domain="example.com" src="https://stats.acme.example/js/script.js"></script>',
    '<script src="https://cdn.jsdelivr.net/npm/jquery@3.7.1/dist/jquery.min.js"></script>',
    '<link rel="stylesheet" href="https://fonts.googleapis.com/css2?family=Inter&display=swap">',
    '<script async src="https://connect.facebook.net/en_US/sdk.js#xfbml=1&version=v19.0"></script>',
    '<script src="https://www.google.com/jsapi"></script>',
    "<script>(function(w,d,s,u){var j=d.createElement(s);j.src=u;d.head.appendChild(j)})"
    "(window,document,'script','https://tag.acme.example/t.js');</script>",
    '<script src="https://maps.googleapis.com/maps/api/js?key=AIzaSyA1234567890"></script>',
    '<iframe src="https://player.acme.example/embed/abcdef0123" allowfullscreen></iframe>',
    "<script>acmeq('init', 't2_abcdef'); acmeq('track', 'PageVisit');</script>",
    "<script>var _acme_settings = {app_id: 'abcd1234', siteId: '1234567', token: '0123'};</script>",
    '<script id="acme" data-key="AbCdEfGhIjKlMnOpQrStUv" src="//s.acme.example/a.js"></script>',
    '<img src="https://pixel.acme.example/tr?id=123456789012345&ev=PageView" width="1" height="1">',
    '<script src="https://js.acme.example/v3/"></script><script>Acme("pk_live_0").go()</script>',
    "<script>xfbq('init', '123456789012345'); my_hjid = 1234567; gtagger('config', 'x');</script>",
    '<script src="https://www.googletagmanager.com/gtag/js?id=UA-12345-1"></script>',
    '<script src="https://eviljs.hs-scripts.com.acme.example/1234567.js"></script>',
    '<script type="module" src="https://unpkg.com/acme-player@2/dist/player.js"></script>',
    '<div class="acme-form" data-form="AbCd12"></div><script src="//f.acme.example/f.js"></script>',
    "<script>window.dataLayer = window.dataLayer || []; dataLayer.push({event: 'login'});</script>",
    '<script src="https://acme.example/disqus.com/embed.js"></script>',
)

WORDS = (
    "",
    "Hello, can you add the chat to our website, please?",
    "Use Google Tag Manager (not the old code) and Hotjar.",
    "The G-SHOCK watch is in the shop; it costs 12.50.",
    "Call me: +49 30 123456. Regards, Jo",
    "Version 1.2.3 of example.com/file.js is out",
    "5 < 7 and 9 > 3",
)
