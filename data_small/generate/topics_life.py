"""Topics of daily life: weather, work, health, shopping, school."""

# ruff: noqa: E501  (a turn a line, as it is read)

CLASSES = {
    "weather": "COLD,HOT,WET,WINDY,WARM,CLOUDY,SUNNY,DRY",
    "sky": "RAIN,SNOW,FOG,WIND,ICE,THUNDER",
    "coat": "COAT/COATS,SWEATER/SWEATERS,HAT/HATS,SCARF/SCARVES,UMBRELLA/UMBRELLAS",
    "job": "NURSE/NURSES,TEACHER/TEACHERS,LAWYER/LAWYERS,ENGINEER/ENGINEERS,DENTIST/DENTISTS,BAKER/BAKERS,"
    "FARMER/FARMERS,SALESMAN/SALESMEN,SECRETARY/SECRETARIES,MECHANIC/MECHANICS",
    "firm": "HOSPITAL,BANK,SCHOOL,FACTORY,LIBRARY,POST OFFICE,STORE,HOTEL",
    "officething": "COMPUTER,PRINTER,PHONE,DESK,CHAIR,COFFEE MACHINE",
    "ill": "A COLD,THE FLU,A BAD BACK,A COUGH",
    "cure": "TEA,CHICKEN SOUP,A HOT BATH,MEDICINE,A LONG SLEEP,VITAMINS",
    "body": "BACK,KNEE,SHOULDER,TOOTH,FOOT,NECK,ARM",
    "clothes": "SHIRT/SHIRTS,DRESS/DRESSES,JACKET/JACKETS,PAIR OF SHOES/SHOES,SKIRT/SKIRTS,TIE/TIES,"
    "PAIR OF BOOTS/BOOTS",
    "goods": "LAMP,SOFA,WATCH,CAMERA,TABLE,MIRROR,CARPET,CLOCK",
    "present": "A BOOK,A SCARF,PERFUME,A PEN,A PAN,FLOWERS,TICKETS,A BIKE,SOCKS",
    "subject": "MATH,HISTORY,SPANISH,SCIENCE,ENGLISH,ART,MUSIC,BIOLOGY",
    "ordinal": "FIRST",
    "bosshe": "BOSS:mf",
    "doche": "DOCTOR:mf",
    "hurt": "HURTS,IS SORE",
    "won": "WON,LOST",
    "broke": "BROKE,LOST",
}

EXCHANGES = {
    "weather": """
A: HOW IS THE WEATHER (THERE|IN {your-city}|OVER THERE) [TODAY]? | WHAT'S THE WEATHER LIKE IN {your-city}?
B: IT'S <very> {weather} AND {weather2}, (WE HAD|THERE WAS) {sky} <past>. | {weather} AND {weather2}, I (HAD TO|DIDN'T) WEAR A {coat} THIS MORNING.
A: {+t} HOW WARM IS IT (NOW|RIGHT NOW)?
B.t: ABOUT {teen}.
A.t: DID YOU SAY {teen} OR {teen.s}?
B.t: {teen}, (IT HASN'T BEEN|WHEN WAS IT EVER) {teen.s} (HERE IN {month}|THIS {season}).

A: DID YOU HEAR ABOUT THE STORM IN {city}? | WE HAD A (BIG|TERRIBLE) STORM <past>.
B: NO, WHAT HAPPENED? | I HEARD, WAS ANYBODY HURT?
A: (NO BUT|WELL) THE {sky} (TOOK|BROKE) THE {repair} OF OUR NEIGHBOR. | THE LIGHTS WENT OUT FOR {number} HOURS AND WE {activity.ed}.
B: <pity> | (THAT'S SCARY|OH MY), DID YOU STAY IN THE BASEMENT? {+q}
A.q: <yes> AND (WE {activity.ed}|MY {my-spouse} {activity.ed}|WE ATE ALL THE {dessert}).

A: WHAT DOES THE WEATHER MAN SAY FOR {day}?
B: THEY SAY (RAIN|SNOW|{weather} AND {weather2}), BUT (THEY'RE ALWAYS WRONG|MY KNEE SAYS NO|I DON'T BELIEVE IT). | <think> IT WILL BE {weather} <future>, MY {body} {hurt}.
A: WE WANTED TO (PAINT THE {repair}|{activity}|GO TO THE {place}) ON {day2}.
B: THEN TAKE {coat.a} AND {coat2.a}. | (WELL|OH) YOU COULD (WAIT|GO) UNTIL {day3}, OR JUST (GET|BE) WET.

A: DO YOU LIKE THE {season}?
B: I LIKE {season}, (IT'S NOT TOO {weather}|IT'S {weather} BUT NOT {weather2}|WE {activity}|WE GO TO THE {place}). | {season}, BECAUSE OF THE (LEAVES|FLOWERS|SNOW), AND YOU?
A: I LIKE {season2}, (I CAN|YOU CAN) {exercise} <often>. | (NOT ME|OH I HATE IT), IT'S TOO {weather3}, I WISH WE LIVED IN {city}.
B: <agree>. | (BUT|WELL) IN {city} IT'S {weather2} ALL YEAR.

A: I'M SO TIRED OF THIS {sky}. | WE'VE HAD {sky} FOR {number} DAYS NOW.
B: (REALLY|WOW), WE HAVEN'T HAD ANY SINCE {month}. | (SAME HERE|I KNOW), MY {kin} FELL ON THE ICE <past>.
A: (IS {kin.he} ALL RIGHT?|DO YOU WANT SOME OF OURS?|WHERE IS THE SUN?)
B: ({kin.hes} FINE, JUST A SORE {body}|YOU CAN KEEP IT|IN {land} WITH MY {kin2}).
""",
    "work": """
A: WHAT DO YOU DO FOR A LIVING? | WHERE DO YOU WORK?
B: I'M {my-job.a}, I WORK (AT|FOR) A {my-firm} (IN|NEAR) {my-city}. | I USED TO BE {my-job.a}, NOW I WORK AT A {my-firm}.
A: DO YOU LIKE IT? | HOW LONG HAVE YOU (BEEN DOING THAT|WORKED THERE)?
B: <long>, AND (I STILL LIKE IT|I STILL GET LOST). | <yes> (THE PEOPLE ARE|MY BOSS IS) <how>, BUT THE PAY IS <howbad>.
A: {+s} AND WHAT DOES YOUR {your-spouse} DO?
B.s: {my-spouse.hes} {job.a}, {my-spouse.he} WORKS <often>.
A.s: MY {relative} IS {job2.a} TOO, {relative.he} WORKS TOO MUCH.

A: HOW IS (YOUR|THE) NEW BOSS? | DO YOU LIKE YOUR BOSS?
B: {+g} (OH|WELL) {bosshe.hes} <very> {trait}, WE LEAVE AT {hour} ON {day.s}. | {+b} {bosshe.hes} <very> (LOUD|STRANGE|SCARY), {bosshe.he} WANTS TO TALK TO ME <often>.
A.g: (I WISH MINE|MINE NEVER) DID THAT, WE LIVE AT THE OFFICE.
A.b: WHAT DOES {bosshe.he} WANT? | EVEN AT HOME?
B.g: DO YOU WORK LATE A LOT?
B.b: {bosshe.he} CAN'T FIND THE {officething}, OR {bosshe.his} {coat}. | YES, EVEN WHEN WE {activity}.
A.g: UNTIL {hour} MOST {day.s}, (AND I CAN'T|AND I CAN) SLEEP LATE ON SUNDAY.
A.b: <pity>

A: THE {officething} AT WORK BROKE <past>. | OUR {officething} BROKE (AGAIN|<past>).
B: (DID SOMEBODY|CAN ANYBODY) FIX IT? | SO WHAT DID YOU DO?
A: {+m} I CAN'T, BUT A MAN CAME AND (HIT|LOOKED AT) IT AND IT WORKED. | {+c} THEY SAID I COULD FIX IT, BUT I CAN'T EVEN FIX A {officething2}.
B.c: (CAN OR CAN'T?|DID YOU SAY CAN OR CAN'T?)
B.m: HOW MUCH DID HE (WANT|CHARGE)?
A.c: (I SAID|NO I SAID) CAN'T, I CAN'T FIX IT.
A.m: <money>, FOR {number} MINUTES.
B: (WE'RE|I'M) IN THE WRONG JOB. | <agree>.

A: ARE YOU STILL LOOKING FOR A (NEW JOB|JOB)? | DID YOU GET THE JOB AT THE {firm}?
B: {+y} YES, I START <future>. | {+y} I GOT IT, THEY CALLED ME <past>. | {+n} NO, THEY WANTED {job.a} WITH {teen} YEARS.
A.y: OH CONGRATULATIONS, WHAT WILL YOU DO THERE?
A.n: DON'T GIVE UP, MY {relative} FOUND A JOB <past>.
B.y: I'LL BE (TEACHING|WORKING WITH) {job2.a}.
B.n: {+q} (WELL|OH) DOES {relative.he} LIKE IT? | THANKS, <think> THEY'LL CALL ME <future>.
A.q: (NOT REALLY|YES), {relative.he} {miss@relative} THE OLD {officething}.

A: WHAT WOULD YOU DO IF YOU DIDN'T HAVE TO WORK?
B: I'D {trip} AND {trip2} <often>.
A: (WOULDN'T|DON'T) YOU MISS THE PEOPLE AT WORK?
B: (ONLY|MAYBE) THE COFFEE MACHINE. | (SOME OF THEM|{number} OF THEM|MY BOSS), BUT NOT THE {officething}.
A: <agree>.
""",
    "health": """
A: YOU DON'T SOUND GOOD, (ARE YOU SICK?|ARE YOU OKAY?)
B: I'VE HAD {ill} SINCE {day}, AND (NOW MY {my-spouse} HAS|THE KIDS HAVE) {ill2}. | (I'M OKAY|IT'S NOTHING), JUST {ill}, I CAUGHT IT FROM MY {kin}.
A: HAVE YOU TRIED {cure}? | ARE YOU TAKING ANYTHING FOR IT?
B: <yes> {cure} AND {cure2}, BUT I FEEL <howbad>.
A: (WELL|OH) STAY IN BED AND GET WELL SOON. | YOU SHOULD SEE A DOCTOR, <pity>
B: THANKS, I WENT TO THE DOCTOR <past>, HE (SAID|TOLD ME) TO (WAIT|WALK MORE|WORK LESS).

A: HOW IS YOUR {body} (DOING|TODAY)? | IS YOUR {body} ANY BETTER?
B: IT HURTS WHEN I (WALK|WORK|SIT|SLEEP|LAUGH), BUT IT'S BETTER THAN <past>. | <no> NOW THE OTHER {body} HURTS TOO.
A: {+w} DID YOU SAY WHEN YOU WALK OR WHEN YOU WORK? | {+d} WHAT DOES THE DOCTOR SAY?
B.w: WALK, (I ALWAYS HURT WHEN I WORK|WORK HURTS IN ANOTHER WAY).
B.d: {doche.he} SAYS I SHOULD {exercise} <often>, {doche.hes} ONLY {ty}.
A.w: <agree>.
A.d: <agree>.

A: MY {relative} IS IN THE HOSPITAL.
B: OH NO, HOW IS {relative.he} DOING?
A: (NOT TOO BAD|WELL), IT'S {relative.his} {body}, {relative.he} WAS (ON A BOAT|PLAYING {sport}). | {relative.hes} (FINE|BETTER|DOING WELL), {relative.he} WANTS {relative.his} {dessert}.
B: AT {relative.his} AGE, HOW OLD IS {relative.he}?
A: {ty}, (BUT {relative.he} THINKS {relative.hes} {teen}|GOING ON {teen}). | {relative.he} JUST TURNED {ty}.
B: TELL {relative.him} TO GET WELL [SOON].

A: DO YOU SLEEP WELL? | HOW MANY HOURS DO YOU SLEEP?
B: {+n} NOT REALLY, MY {my-spouse} (TALKS|SINGS) ALL NIGHT. | {+y} LIKE A BABY, (I GO TO BED|I'M ASLEEP) BY {hour}.
A.n: (HAVE YOU TRIED|WHY DON'T YOU TRY) {cure}?
A.y: HOW DO YOU DO THAT?
B.n: I TRIED {cure} AND {cure2}, (NOW I SLEEP IN|I EVEN TRIED) THE {room}.
B.y: (NO COFFEE|A WALK|NO TELEVISION|A BORING BOOK) AFTER {hour}, AND {cure}.
A: <agree>.

A: I HAVE TO GO TO THE DENTIST <future>. | I WENT TO THE DENTIST <past>.
B: (OH NO|OH), IS IT A BAD TOOTH? | DOES IT HURT?
A: (IT ONLY HURTS|IT HURTS) WHEN I EAT {dessert}. | NO, BUT (HE WANTS|SHE WANTS|THEY WANT) <money> TO LOOK AT IT.
B: <pity>
A: (MINE SINGS|MINE PLAYS {musickind}), IT'S WORSE THAN THE TOOTH. | <agree>.
""",
    "shopping": """
A: I WENT SHOPPING <past>, (I BOUGHT|I FOUND) A <good> {clothes}. | I FINALLY BOUGHT A {goods} <past>.
B: OH REALLY, (WHERE DID YOU GET IT?|WHAT COLOR IS IT?|WAS IT ON SALE?)
A: (IT'S|IN) {color}, {color2} WAS (HALF PRICE|SOLD OUT|TOO SMALL). | <yes> (IT COST ONLY|IT WAS) {teen} DOLLARS. | AT THE NEW STORE NEAR THE {firm}, FOR {teen} DOLLARS.
B: SORRY, {teen} OR {teen.s}? {+c} | DOES YOUR {your-spouse} LIKE IT? {+q}
A.c: {teen}, (I DON'T HAVE {teen.s}|YOU CAN HEAR ME LAUGHING).
A.q: {my-spouse.he} HASN'T SEEN IT YET.

A: WHAT ARE YOU GETTING YOUR {your-spouse} FOR {your-spouse.his} BIRTHDAY?
B: (HOW ABOUT|MAYBE|I WAS THINKING OF) {present}, OR MAYBE {present2}. | I DON'T KNOW, LAST YEAR I GAVE MY {my-spouse} {present}.
A: {+c} DID YOU SAY {present} OR {present2}? | {+l} LAST YEAR I GAVE {present2} AND GOT A LONG FACE.
B.c: {present}, (EVERYBODY LIKES THAT|IT ALWAYS WORKS).
B.l: (THEN|WELL) GET {present3}, YOU CAN TAKE IT BACK.
A: (OKAY|ALL RIGHT) I'LL LOOK ON {day}, THE STORES ARE OPEN UNTIL {hour}.

A: WHERE DO YOU BUY YOUR CLOTHES?
B: {+n} <no> I BUY {number} {clothes.s} <often> AND (RUN|LEAVE|GO HOME). | {+y} <yes> MY {kin} AND I GO <often>.
A.n: (YOU SOUND LIKE|THAT'S JUST LIKE) MY {my-spouse}, {my-spouse.he} HAS WORN THE SAME {clothes} FOR {ty} YEARS.
A.y: AND WHAT DO YOU BUY?
B.n: (IS IT STILL|WAS IT EVER) {color}?
B.y: {clothes.s}, {clothes2.s}, AND ONCE A {goods}. | THINGS I DON'T NEED, LIKE {clothes.s} IN {color}.
A.n: (IT WAS|NO, IT WAS|IT USED TO BE) {color2} ONCE, <think>.
A.y: I HAVE A LOT OF {clothes2.s} TOO.

A: EVERYTHING IS SO EXPENSIVE NOW, HAVE YOU NOTICED? | DID YOU SEE THE PRICE OF {ingredient}?
B: I KNOW, I PAID {teen} DOLLARS FOR {dish} <past>. | <yes> {ingredient} WAS {number} DOLLARS <past>, NOW IT'S {number2}.
A: (I ONLY BUY|WE ONLY EAT) {dish2} WHEN IT'S ON SALE. | MY {kin} {grow@kin} {plant.s}, SO WE EAT A LOT OF {plant.s}.
B: (THAT'S <good>|I LIKE THAT), WE (STARTED TO|WANT TO) GROW {plant2.s}. | <agree>, MY {my-spouse} ONLY BUYS {dish}.

A: I TRIED TO TAKE BACK THE {goods} (I BOUGHT|WE BOUGHT) <past>.
B: DID THEY GIVE YOU THE MONEY BACK?
A: YES, BUT I BOUGHT {clothes.a} AND A {goods2} ON THE WAY OUT.
B: (THAT'S HOW|YOU KNOW THAT'S HOW) THEY GET YOU. | <pity>
""",
    "school": """
A: HOW IS YOUR {your-child} DOING IN SCHOOL? | DOES YOUR {your-child} LIKE SCHOOL?
B: {my-child.he} LOVES {subject}, BUT {my-child.he} CAN'T STAND {subject2}. | (FINE|SO SO), {my-child.he} GOT {teen} OUT OF {ty} IN {subject}.
A: (WHO'S THE TEACHER?|DO YOU HELP WITH THE HOMEWORK?|WHAT DOES {your-child.he} WANT TO BE?)
B: {my-child.he} WANTS TO BE {job.a} OR MAYBE {job2.a}.
A: <cheer>

A: WERE YOU GOOD AT SCHOOL?
B: {+g} I LIKED {subject}, (WE HAD|THERE WAS) A <good> TEACHER, SHE {activity.ed} WITH US. | {+b} <no> I WAS ALWAYS LATE, AND I (SLEPT|TALKED) IN {subject}.
A.g: (DO YOU REMEMBER ANY OF IT?|DID YOU STUDY {subject} IN COLLEGE?)
A.b: (ME TOO|SO DID I), WHAT DID YOUR PARENTS SAY?
B.g: <yes> BUT I FORGOT IT ALL <past>. | NO, I STUDIED {subject2}, AND NOW I'M {my-job.a}.
B.b: MY MOTHER CRIED, AND MY FATHER SAID HE WAS WORSE. | (THEY|MY PARENTS) STILL DON'T KNOW.
A: <agree>.

A: (OUR|MY) {my-child} LEAVES FOR COLLEGE <future>. | MY {my-child} GOT INTO COLLEGE IN {city}.
B: <cheer> | (OH WOW|ALREADY), WHAT'S {your-child.he} GOING TO STUDY? {+q}
A.q: {subject}, OR {subject2}, {my-child.he} CHANGES {my-child.his} MIND <often>.
A: WE'LL MISS {my-child.him}, AND MY {my-spouse} WANTS {my-child.his} ROOM.
B: HOW MUCH DOES IT COST A YEAR?
A: {ty} THOUSAND. | {teen} THOUSAND, WITH THE ROOM AND THE {dish}.
B: (THAT'S ALMOST A NEW CAR|FOR THAT YOU COULD BUY {make.a}).

A: I'M TAKING A CLASS IN {subject} <often>. | I WENT BACK TO SCHOOL <past>, I'M STUDYING {subject}.
B: AT OUR AGE, HOW IS IT? | GOOD FOR YOU, IS IT HARD?
A: NOT TOO BAD, BUT I (READ|STUDY) UNTIL {hour} AND FORGET IT BY {hour2}.
B: WHY {subject}, OF ALL THINGS?
A: (MY {kin} SAID|MY {my-child} SAID) I COULDN'T. | BECAUSE WE'RE GOING TO {land} IN {month}. | I ALWAYS WANTED TO BE {job.a}.
B: <cheer>

A: THE TEACHER CALLED ME ABOUT MY {my-child} <past>. | I HAD TO SEE THE TEACHER ABOUT MY {my-child} <past>.
B: OH NO, WHAT DID {your-child.he} DO? | WHY, IS {your-child.he} <bad> AT SCHOOL?
A: {my-child.he} BROUGHT {otherpet.a} TO SCHOOL AND IT {mischief.ed}. | WELL, {my-child.he} (SOLD|GAVE) {my-child.his} HOMEWORK TO {number} OTHER KIDS.
B: (FOR HOW MUCH?|WHERE DOES {your-child.he} GET IT FROM?)
A: (FROM MY {my-spouse} OF COURSE|{number} DOLLARS EACH|I CAN'T SAY, I WAS THE SAME).
B: (THAT ONE|{your-child.he}) WILL BE PRESIDENT ONE DAY. | <agree>.
""",
}
