"""Texts as people, and people who mean harm, write them."""

NASTY = {
	"image": '<img src=x onerror="window.hit=1">',
	"link": '<a href="javascript:window.hit=1">Click me</a>',
	"attribute": '" onmouseover="window.hit=1" x="\'><script>window.hit=1</script>',
	"style": "<style>body{display:none}</style>overlay",
	"template": "{{ 7*7 }} {% raw %} ${7*7}",
	"entities": "&lt;b&gt; &amp;amp; &#60;",
	"company": 'A & B "C" <D>',
	"pre": "<pre>first\n\n\nsecond</pre>\n<!-- markdown -->",
	"direction": "\u202egnirts\u202c <b>bold</b>",
	"emoji": "👩‍👩‍👧 <3 ☃",
	"unfinished": "<<b>img src=x onerror=window.hit=1> <script",
	"svg": "<svg/onload=window.hit=1>",
}
LONG = "<i>" + "long " * 995 + "</i>"
ONE_LINE = {name: text for name, text in NASTY.items() if "\n" not in text}
