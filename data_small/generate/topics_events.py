"""What people do on each topic, and the scenes in which they tell it: news, plans, gossip, advice, memories.

``<do.ed>`` is something one does on the topic of the moment, in a form of its verbs (``{*buy}``); ``{=slot}``
(or ``{=my}``, ``{=our}``, ``{=your}``) says whose things ``<own>`` are. A leading ``!`` marks what happens to people: it
is told (``ed``), never planned.
"""

# ruff: noqa: E501  (a turn a line, as it is read)

DO = {
    "cars": "{*buy} (A NEW|ANOTHER|AN OLD|A <color>) <make>|{*sell} <own> [OLD] <make>|{*fix} THE <carpart>"
    "|{*drive} [ALL THE WAY] TO <city>|!{*lose} THE KEYS TO <own> <make>|{*wash} <own> <make>|!{*hit} (A TREE|THE FENCE)"
    "|{*paint} <own> <make> <color>|!{*pay} <money> FOR THE <carpart>|!{*leave} THE LIGHTS ON|!{*drive} TOO FAST"
    "|{*take} THE <transport> TO WORK|!{*run} OUT OF GAS NEAR <city>|{*leave} <own> <make> AT THE <firm>"
    "|{*give} <own> <make> TO <own> <child>|!{*hear} A NOISE IN THE <carpart>|!{*sit} IN THE CAR FOR <number> HOURS"
    "|{*wash} <own> <make> IN THE <sky>|{*look} AT <make.a> IN <city>|{*teach} <own> <kin> TO DRIVE"
    "|{*take} <own> <make> TO THE MECHANIC|{*sleep} IN THE <make>|{*buy} A <carpart> FOR THE <make>"
    "|{*walk} TO THE <firm>|{*keep} THE <petkind> IN THE CAR|{*learn} TO FIX THE <carpart>"
    "|{*build} A GARAGE FOR <own> <make>|{*listen} TO <musickind> IN THE <make>",
    "family": "{*visit} <own> <kin> IN <city>|{*call} <own> <kin> (IN <city>|ABOUT THE <petkind>|AT <hour>)|{*move} TO <city>|<activity*>"
    "|!{*forget} THE BIRTHDAY OF <own> <kin>|{*go} TO A PARTY IN <city>|{*stay} WITH <own> <kin>|{*cook} FOR <number> PEOPLE"
    "|{*write} A LETTER TO <own> <kin>|{*take} THE KIDS TO THE <place>|!{*find} OLD PICTURES OF <own> <kin>"
    "|{*talk} ABOUT <own> <kin>|{*go} TO A WEDDING IN <city>|{*give} <own> <kin> <present>"
    "|{*live} WITH <own> <kin>|{*see} <own> <kin> AT THE <place>"
    "|{*bake} <dessert> FOR <own> <kin>|{*look} FOR <own> <kin> IN <city>"
    "|{*teach} <own> <kin> TO (COOK|DRIVE|SING|SWIM)|{*drive} <own> <kin> TO <city>"
    "|!{*lose} <own> <kin> AT THE <place>|!{*hear} ABOUT <own> <kin>",
    "films": "{*see} <filmkind.a> ABOUT <plot>|{*watch} <filmkind.s> WITH <own> <kin>|{*leave} BEFORE THE <filmpart>"
    "|!{*sleep} THROUGH THE <filmpart>|!{*cry} AT THE <filmpart>|{*laugh} AT THE <filmpart>|!{*hate} <filmkind.s>"
    "|!{*love} THE <filmpart>|{*write} ABOUT <plot>|{*take} <own> <kin> TO THE MOVIES|{*watch} <filmkind.a> IN BED"
    "|!{*pay} <money> FOR <number> TICKETS|{*read} THE BOOK FIRST|!{*sit} NEXT TO <plot>|{*go} TO THE MOVIES ALONE"
    "|{*tell} EVERYBODY THE <filmpart>"
    "|{*watch} THE <filmpart> <number> TIMES|{*talk} ABOUT THE <filmpart>|{*stay} HOME WITH <filmkind.a>"
    "|{*eat} <dessert> AT THE MOVIES|{*call} <own> <kin> ABOUT THE <filmpart>|{*read} A BOOK ABOUT <plot>"
    "|!{*miss} THE <filmpart>|!{*like} THE <filmpart>",
    "food": "{*cook} <dish> WITH <ingredient>|{*make} <dish> FOR <own> <kin>|!{*burn} THE <dish>|{*eat} <dish> WITH <own> <kin>"
    "|{*eat} ALL THE <dessert>|{*put} <ingredient> IN THE <dish>|{*order} <dish> AND <dish>|{*bake} <dessert>"
    "|{*buy} <ingredient> AND <ingredient>|{*grow} <plant.s>|{*go} OUT FOR <cuisine> FOOD|!{*lose} <number> POUNDS"
    "|!{*forget} THE <ingredient>|{*try} THE <dish> OF <own> <kin>|{*have} <dish> FOR (DINNER|LUNCH|BREAKFAST)"
    "|!{*drop} THE <dish> ON THE FLOOR|!{*give} THE <dish> TO THE <petkind>|{*learn} TO COOK <cuisine> FOOD"
    "|{*buy} <dish> AND <dessert>|{*try} <dish> WITH <ingredient>|{*drink} <cure2> WITH <dessert>"
    "|{*teach} <own> <kin> TO COOK <dish>|{*take} <own> <kin> OUT FOR <cuisine> FOOD",
    "health": "!{*catch} (A COLD|A COUGH|THE FLU)|!{*hurt} <own> <body>|{*take} <cure> FOR <own> <body>|{*go} TO THE (DENTIST|DOCTOR)"
    "|!{*stay} IN BED FOR <number> DAYS|{*sleep} <number> HOURS|<exercise*> (WITH <own> <kin>|NEAR THE <place>|IN THE <sky>|BEFORE WORK)|!{*break} <own> <body>"
    "|!{*wait} <number> HOURS FOR THE DOCTOR|!{*lose} <number> POUNDS|!{*call} THE (DOCTOR|HOSPITAL)|!{*have} <ill>"
    "|!{*get} (A COLD|A COUGH|THE FLU) FROM <own> <kin>|{*drink} <cure2> WITH <ingredient>|{*eat} LESS <dessert>|!{*feel} (BETTER|TERRIBLE|AWFUL|WONDERFUL)"
    "|{*drink} <cure2> AND EAT <dish>|{*try} <cure> FOR <own> <body>"
    "|{*take} <own> <kin> TO THE (DENTIST|DOCTOR|HOSPITAL)|{*talk} TO THE DOCTOR ABOUT <own> <body>"
    "|{*walk} <number> MILES|{*sleep} IN THE <room>|{*cook} <dish> FOR <own> <kin>"
    "|{*drive} <own> <kin> TO THE HOSPITAL|{*buy} <cure2> AND <cure2>|{*wash} <own> <body>"
    "|{*learn} TO (SWIM|RUN|SLEEP WELL)|!{*leave} <own> <coat> AT THE (DENTIST|DOCTOR|HOSPITAL)",
    "holidays": "{*go} TO <land> WITH <own> <kin>|{*fly} TO <land>|{*take} THE <transport> TO <city>|{*swim} IN THE (LAKE|RIVER|POOL)"
    "|{*spend} <money> IN <city>|{*stay} IN <land> FOR <number> (WEEKS|DAYS)|!{*lose} <own> (BAGS|<coat>)"
    "|!{*miss} THE <transport>|{*sleep} IN A TENT|{*drive} TO THE <place>|{*visit} <own> <kin> IN <land>"
    "|{*eat} <dish> AT THE <place>|{*climb} A HILL IN <land>|{*find} A HOTEL NEAR THE <place>"
    "|!{*leave} <own> <kin> AT HOME|{*buy} A <clothes> IN <land>|{*learn} <subject> IN <land>"
    "|{*write} TO <own> <kin> FROM <land>|{*drive} THROUGH <land>|{*look} AT PICTURES OF <land>"
    "|{*ride} A HORSE IN <land>|!{*leave} <own> <coat> IN <land>|!{*fall} INTO THE (LAKE|RIVER|POOL)",
    "house": "{*paint} THE <room> <color>|{*fix} THE <repair>|!{*break} THE <repair>|{*clean} THE <room>|{*buy} A <goods>"
    "|{*plant} <plant.s> AND <plant.s>|{*move} THE <goods> TO THE <room>|{*sell} THE HOUSE IN <city>"
    "|{*build} A (NEW <room>|FENCE|GARAGE)|{*grow} <plant.s> IN THE <room>|!{*pay} <money> FOR THE <repair>"
    "|{*put} THE <goods> IN THE <room>|!{*hear} A NOISE IN THE <room>|{*work} IN THE GARDEN|{*wash} THE <repair>"
    "|!{*find} A <goods> IN THE <room>|{*look} AT A HOUSE IN <city>|!{*fall} DOWN THE STAIRS"
    "|{*sit} IN THE <room>|{*sell} THE <goods> IN THE <room>|{*build} A FENCE WITH <own> <kin>"
    "|{*give} <plant.s> TO <own> <kin>|!{*lose} THE KEYS IN THE <room>",
    "music": "{*play} THE <instrument> (FOR <own> <kin>|IN THE <room>|IN A BAND)|{*learn} THE <instrument>|{*sing} IN THE <room>|{*listen} TO <musickind>"
    "|!{*hear} <musickind> ON THE RADIO|{*go} TO A CONCERT IN <city>|{*buy} (AN OLD|A NEW|ANOTHER) <instrument>"
    "|{*sell} <own> <instrument>|{*play} <musickind> FOR <own> <kin>|!{*love} <musickind>|!{*hate} <musickind>"
    "|{*sing} <number> SONGS|!{*break} <own> <instrument>|{*start} A BAND WITH <own> <kin>|{*see} A BAND FROM <land>"
    "|{*teach} <own> <kin> THE <instrument>"
    "|{*play} <musickind> ON THE <instrument>|{*take} <own> <kin> TO A CONCERT|{*listen} TO <own> <kin>"
    "|{*sing} FOR THE <petkind>|!{*leave} THE <instrument> ON THE <transport>|!{*forget} THE <instrument>",
    "pets": "{*buy} <otherpet.a>|{*feed} THE <petkind>|{*walk} THE DOG (IN THE <sky>|WITH <own> <kin>|NEAR THE <place>)|{*wash} THE <petkind> IN THE <room>"
    "|!{*lose} <own> <petkind>|!{*find} <otherpet.a> IN THE <room>|{*take} THE <petkind> TO THE VET|{*give} THE <petkind> <dish>"
    "|{*have} <number> <petkind.s>|{*talk} TO <own> <petkind>|{*sleep} WITH THE <petkind>|{*leave} THE <petkind> WITH <own> <kin>"
    "|{*look} FOR THE <petkind>|{*keep} <otherpet.s> IN THE <room>|{*teach} THE <petkind> TO SING|!{*hate} <otherpet.s>"
    "|!{*pay} <money> FOR <otherpet.a>"
    "|{*play} WITH THE <petkind> IN THE <room>|{*give} THE <petkind> TO <own> <kin>"
    "|{*take} THE <petkind> TO <city>|{*build} A HOUSE FOR THE <petkind>|!{*miss} <own> <petkind>"
    "|!{*hear} THE <otherpet> IN THE <room>",
    "school": "{*study} <subject> IN <city>|{*learn} <subject> AND <subject>|{*teach} <subject>|!{*forget} THE HOMEWORK"
    "|{*read} <number> BOOKS ABOUT <subject>|!{*sleep} IN <subject>|{*take} A CLASS IN <subject>|{*go} TO COLLEGE IN <city>"
    "|{*help} <own> <kin> WITH <subject>|!{*hate} <subject>|!{*love} <subject>|{*talk} TO THE <subject> TEACHER"
    "|{*write} ABOUT <land>|!{*come} LATE ON <day.s>|{*work} UNTIL <hour>|!{*get} <teen> OUT OF <ty> IN <subject>"
    "|{*bring} <otherpet.a> TO SCHOOL"
    "|{*read} A BOOK ABOUT <land>|{*teach} <own> <kin> <subject>|{*help} THE <subject> TEACHER"
    "|{*study} <subject> WITH <own> <kin>|{*walk} TO SCHOOL IN THE <sky>|!{*miss} THE <subject> CLASS",
    "shopping": "{*buy} <clothes.s> AND <clothes.s>|{*buy} (A NEW|A <color>|A CHEAP) <goods>|{*spend} <money> ON <clothes.s>"
    "|!{*find} A <color> <clothes>|{*look} FOR <coat.a>|{*take} BACK THE <goods>|!{*pay} <money> FOR A <clothes>"
    "|{*get} <present> FOR <own> <kin>|{*give} <own> <kin> <present>|{*wear} <own> <color> <coat>|{*sell} <own> <goods>"
    "|!{*want} A <color> <coat>|!{*lose} <own> <coat>|!{*wait} AT THE STORE FOR <number> HOURS|{*go} SHOPPING WITH <own> <kin>"
    "|{*need} A <goods> FOR THE <room>"
    "|{*wait} FOR THE SALE|{*buy} <present> AND <present>|{*look} AT A <color> <goods>"
    "|{*give} <own> <clothes.s> TO <own> <kin>|{*sell} <own> <coat>|!{*leave} <own> <goods> AT THE STORE",
    "sports": "{*play} <sport> WITH <own> <kin>|<exercise*> (WITH <own> <kin>|NEAR THE <place>|IN THE <sky>|BEFORE WORK)|{*watch} <sport> (IN <city>|ON TELEVISION|WITH <own> <kin>)|{*see} THE <team> IN <city>"
    "|!{*win} BY <number> POINTS|!{*lose} TO <own> <kin>|!{*hurt} <own> <body> PLAYING <sport>|{*run} <number> MILES"
    "|{*start} PLAYING <sport>|!{*throw} THE BALL AT <own> <kin>|!{*lose} <money> ON THE <team>|!{*hate} <sport>"
    "|{*teach} <own> <kin> TO (SWIM|RUN|PLAY <sport>)|{*ride} A BIKE TO THE <place>|{*swim} <number> MILES"
    "|{*go} TO A <sport> GAME"
    "|{*play} <sport> AT THE <place>|{*learn} <sport> IN <city>|{*watch} THE <team> WITH <own> <kin>"
    "|{*drive} TO <city> FOR THE <team>|{*buy} <number> TICKETS FOR THE <team>|{*run} THROUGH THE <sky>"
    "|!{*miss} THE <sport> GAME|!{*cry} WHEN THE <team> LOST|{*wear} A <color> <clothes> TO THE GAME",
    "weather": "!{*lose} <own> <coat> IN THE <sky>|{*wear} <coat.a> AND <number> <clothes.s>|{*walk} HOME IN THE <sky>|!{*wait} FOR THE <sky> TO STOP"
    "|{*drive} THROUGH THE <sky>|{*stay} HOME (WITH <own> <kin>|AND {*drink} <cure2>)|{*fix} THE <repair> IN THE <sky>|!{*hate} THE <sky>|!{*love} THE <sky>"
    "|{*buy} A <color> <coat>|{*sit} IN THE SUN|{*move} TO <city> FOR THE SUN|!{*miss} THE <transport>"
    "|!{*fall} ON THE ICE|!{*leave} <own> <coat> ON THE <transport>|{*go} TO THE <place>|!{*hear} THE THUNDER"
    "|{*buy} <coat.a> FOR <own> <kin>|{*sit} BY THE HEATER|{*cook} <dish> IN THE <sky>"
    "|{*take} A <transport> TO THE <place>|{*plant} <plant.s> IN THE <sky>|{*clean} THE <room>"
    "|{*give} <own> <coat> TO <own> <kin>|{*wait} UNTIL <month>|{*put} <own> <coat> ON THE <petkind>"
    "|!{*find} <own> <coat> IN THE <sky>|!{*work} IN THE <sky>",
    "work": "{*work} AT A <firm>|{*talk} TO <own> BOSS|{*fix} THE <officething>|!{*break} THE <officething>|{*work} WITH <job.a>"
    "|{*start} AT THE <firm>|{*leave} WORK AT <hour>|!{*lose} <own> JOB AT THE <firm>|{*find} A JOB IN <city>"
    "|{*sell} A <officething>|!{*want} TO BE <job.a>|!{*call} THE <firm>|{*work} UNTIL <hour>|{*sit} AT <own> DESK UNTIL <hour>"
    "|{*move} <own> <officething> TO THE <room>|{*buy} A <officething>|{*teach} <own> BOSS TO COOK|{*work} FOR <own> <kin>"
    "|{*talk} TO THE <job> ABOUT THE <officething>|{*look} FOR A JOB IN <city>"
    "|{*write} TO THE <firm> IN <city>|!{*forget} THE NAME OF THE <job>"
    "|!{*leave} <own> <coat> AT THE <firm>|!{*hear} ABOUT A JOB IN <city>",
}

CLASSES = {"cure2": "TEA,MEDICINE,CHICKEN SOUP,COFFEE,WATER"}

RULES = {
    "past-clause": "{=my-spouse} MY {my-spouse} (<do.ed>|NEVER <do.ed>|HAD TO <do>|WAS <do.ing>|TRIED TO <do>)"
    "|2*{=kin9} (MY|OUR|MY) {kin9} (<do.ed> <past>|2*<do.ed>|NEVER <do.ed>|USED TO <do>|HAD TO <do>|{was@kin9} <do.ing>"
    "|COULDN'T <do>|WANTED TO <do>|WHO {live@kin9} IN <city> <do.ed>|AND I <do.ed>|FINALLY <do.ed>|NEARLY <do.ed>)"
    "|2*{=our} WE (<do.ed> <past>|2*<do.ed>|NEVER <do.ed>|USED TO <do>|TRIED TO <do>|COULDN'T <do>|WERE <do.ing>"
    "|JUST <do.ed>|ALL <do.ed>|HAD TO <do>|<do.ed> AND <do.ed>)"
    "|2*{=my} I (<do.ed> <past>|2*<do.ed>|HAD TO <do>|NEVER <do.ed>|WAS <do.ing>|TRIED TO <do>|NEARLY <do.ed>|DIDN'T <do>"
    "|ONLY <do.ed>|FINALLY <do.ed>|FORGOT TO <do>)|{=relative2} THE {relative2} OF MY {kin8} <do.ed>",
    "now-clause": "{=my-spouse} MY {my-spouse} (WANTS TO <do>|LIKES TO <do>|SAYS I SHOULD <do>|IS <do.ing> <future>|CAN'T <do>)"
    "|2*{=kin9} (MY|OUR|MY) {kin9} ({want@kin9} TO <do>|{keep@kin9} <do.ing>|WOULD NEVER <do>|{love@kin9} TO <do>|CAN'T <do>"
    "|CAN <do>|{be@kin9} <do.ing>|{like@kin9} TO <do>|{need@kin9} TO <do>|WHO {live@kin9} IN <city> {love@kin9} TO <do>"
    "|{think@kin9} WE SHOULD <do>)"
    "|2*{=our} WE (USUALLY <do>|HAVE TO <do> <future>|WANT TO <do>|MIGHT <do> <future>|SHOULD <do>|DON'T <do>|NEVER <do>)"
    "|2*{=my} I (ALWAYS <do>|WANT TO <do>|CAN'T <do>|NEVER <do>|WOULD <do>|LIKE TO <do>|HATE <do.ing>|HAVE TO <do> <future>"
    "|WISH I COULD <do>|<do> <often>|KEEP <do.ing>)",
    "clause": "<past-clause>|<now-clause>",
    "more": "AND <clause>|BUT <clause>|<clause>|AND <think> <now-clause>|BUT <now-clause>|SO <now-clause>|AND <past-clause>"
    "|BECAUSE <now-clause>",
    "then": "AND THEN <past-clause>|AND <past-clause>|BUT <past-clause>|BECAUSE <past-clause>|SO <past-clause>|<past-clause>"
    "|AND AFTER THAT <past-clause>|AND NOW <now-clause>|WHEN <past-clause>|BUT THEN <past-clause>",
    "react": "IS THAT RIGHT.|I CAN'T BELIEVE IT.|YOU'RE KIDDING.|THAT'S FUNNY.|GOOD FOR YOU.|OH MY GOODNESS.|<agree>."
    "|WELL THAT'S <good>.|WHAT A STORY.|I WISH I COULD SAY THE SAME.",
}

SCENES = """
A: DID YOU EVER {=your} <do>? | HAVE YOU EVER TRIED TO {=your} <do>?
B: {+y} YES, {=our} (WE DID|I DID|ONCE) <past>, AND IT WAS <how>. | {+y} <yes> {=my} I <do.ed> <past>, <then>. | {+n} NO, BUT MY {relative} DID, AND {relative.he} SAID IT WAS <howbad>. | {+n} NEVER, {=my} BUT I'D LIKE TO <do>.
A.y: (WHAT MADE YOU DO THAT?|AND WOULD YOU DO IT AGAIN?|WHAT DID YOUR {your-spouse} SAY?)
A.n: {=my} I <do.ed> <past>, <then>.
B.y: {=my-spouse} (WELL|OH), MY {my-spouse} WANTED TO <do>, <then>.
A.y: <react>
B.n: {=your} (DID YOU ENJOY IT|DID YOU LIKE THAT), OR WERE YOU (SCARED|TIRED)?
A.n: (I LOVED IT|IT WAS <how>|IT WAS <howbad>), {=our} AND NOW WE <do> <often>.

A: WHAT ARE YOU DOING <future>? | {=our} WE MIGHT <do> <future>, WHAT ABOUT YOU? | {=my} I WANT TO <do> <future>, (WHAT ABOUT YOU?|DO YOU HAVE TIME?) | DO YOU HAVE ANY PLANS <future>?
B: {=my} I'M GOING TO <do>, <more>. | {=our} <think> WE'LL <do>, OR WE'LL <do>. | {=my-spouse} MY {my-spouse} WANTS TO <do>, BUT {=my} I WANT TO <do>.
A: {=my} (THAT SOUNDS <how>|LUCKY YOU), I HAVE TO <do>. | {=our} WE WERE GOING TO <do>, BUT <clause>. | (CAN I COME|DO YOU WANT COMPANY), OR ARE YOU TOO BUSY? {+q}
B.q: OF COURSE YOU CAN, {=our} WE COULD <do> FIRST.

A: {=relative} YOU KNOW MY {relative} WHO LIVES IN <city>, {relative.he} <do.ed> <past>. | {=relative} GUESS WHAT, MY {relative} <do.ed>, AND {relative.he} WANTS TO <do>.
B: {+w} {=relative} WHY DID {relative.he} DO THAT? | {+s} NO, WHAT DID YOU SAY TO {relative.him}? | {+o} {=relative} IS THIS THE ONE WHO <do.ed>?
A.w: {=relative} WELL, {relative.he} ALWAYS WANTED TO <do>, <then>. | {=relative} BECAUSE {relative.he} COULDN'T <do>, <then>.
A.o: {=relative} YES, AND {relative.he} SAYS {relative.hes} GOING TO <do> <future>. | NO, THAT WAS MY {kin}, {=relative} {relative.he} WANTS TO <do>.
A.s: {=relative} I TOLD {relative.him} TO <do>, BUT {relative.he} NEVER LISTENS. | {=relative} I SAID {relative.he} SHOULD <do>, <then>.
B: THAT'S JUST LIKE MY {relative2}, {=relative2} {relative2.he} <do.ed> <past>. | <pity>

A: {=my} SHOULD I <do>, OR SHOULD I <do>? | {=my} DO YOU THINK I SHOULD <do> <future>?
B: IF I WERE YOU, {=my} I'D <do>, <more>. | {=my} I WOULDN'T DO THAT, I <do.ed> <past> AND IT WAS <howbad>. | MY {kin} {say@kin} {=your} YOU SHOULD NEVER <do>.
A: (OKAY|ALL RIGHT|THANKS), {=my} THEN I'LL <do> <future>. | THAT'S WHAT MY {relative} SAID, {=relative} AND {relative.he} <do.ed>.

A: HOW OFTEN DO YOU {=your} <do>? | DO YOU {=your} <do> A LOT? | {=your} DO YOU STILL <do>, OR DOES YOUR {your-spouse} DO THAT? | {=my} I <do> <often>, DO YOU?
B: <often>, {=my} UNLESS I HAVE TO <do>. | {=my-spouse} <often>, WHEN MY {my-spouse} ISN'T <do.ing>. | NOT ANY MORE, <more>. | <yes> <often>, <more>.
A: {=our} WE <do> <often>, <more>. | {=my} I WISH I COULD <do>, <more>. | <agree>, <more>.

A: DO YOU REMEMBER WHEN WE {=our} <do.ed>? | I WAS JUST THINKING, {=your} DO YOU REMEMBER WHEN YOU <do.ed>?
B: YES, THAT WAS <past>, {=your} YOU WERE <do.ing>, <then>. | HOW COULD I FORGET, {=kin} MY {kin} <do.ed> AND YOU LAUGHED. | OF COURSE, {=our} AND AFTER THAT WE <do.ed>.
A: (THOSE WERE THE DAYS|IT WAS <how>), <then>. | AND NOW {=our} WE <do>, <more>.

A: {=my-spouse} MY {my-spouse} NEVER WANTS TO <do>, {my-spouse.he} ONLY WANTS TO <do>. | {=my-child} MY {my-child} WANTS TO <do>, AND {my-child.hes} ONLY <number>.
B: {=my-spouse} MINE IS THE SAME, {my-spouse.he} <do.ed> <past>. | {=your} (THEN WHY DON'T YOU|MAYBE YOU SHOULD) <do>, <more>. | <pity>
A: {=my} I TRIED TO <do>, BUT <clause>. | {=our} SO WE <do.ed>, <then>.

A: {=our} WE <do.ed> <past>, <then>. | {=my} I FINALLY <do.ed> <past>, <then>. | {=my} <past> I <do.ed>, <then>.
B: {=your} AND DID YOU <do> TOO? | HOW WAS THAT, AND WHAT DID YOUR {your-spouse} DO? | (REALLY|NO KIDDING), {=your} I THOUGHT YOU WERE <do.ing>.
A: {=my-spouse} MY {my-spouse} <do.ed>, AND {=my} I <do.ed>. | NO, {=our} WE ONLY <do.ed>, <then>. | (IT WAS <how>|IT WAS <howbad>), <then>.
B: <react>
"""
