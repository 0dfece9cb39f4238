"""Topics around the home: family, pets, house and garden, cars."""

# ruff: noqa: E501  (a turn a line, as it is read)

CLASSES = {
    "activity": "PLAY CARDS,GO FOR A WALK,MAKE PANCAKES,TALK ABOUT OLD TIMES,WATCH A BALL GAME,EAT TOO MUCH,"
    "LOOK AT PICTURES,SIT ON THE PORCH,GO SWIMMING,SING SONGS",
    "trait": "FUNNY,QUIET,LOUD,KIND",
    "petkind": "DOG/DOGS:mf,CAT/CATS:mf,PUPPY/PUPPIES:mf,KITTEN/KITTENS:mf",
    "otherpet": "PARROT/PARROTS:mf,RABBIT/RABBITS:mf,HORSE/HORSES:mf,TURTLE/TURTLES:mf,GOLDFISH/GOLDFISH:mf",
    "petname": "LUCKY,HONEY,PEPPER,SUGAR",
    "mischief": "EAT MY SHOES,SLEEP ON OUR BED,BREAK THE LAMP,EAT THE CHICKEN,RUN INTO THE LAKE,"
    "SIT IN THE SOUP,BREAK THE RADIO,EAT THE TULIPS",
    "plant": "TOMATO/TOMATOES,ROSE/ROSES,BEAN/BEANS,PEPPER/PEPPERS,CARROT/CARROTS,ONION/ONIONS,TULIP/TULIPS",
    "repair": "ROOF,FENCE,FRONT DOOR,KITCHEN FLOOR,WINDOWS:p,STAIRS:p,HEATING,CEILING",
    "color": "WHITE,YELLOW,BLUE,GREEN,RED,GRAY,PINK,BROWN",
    "make": "TOYOTA/TOYOTAS,FORD/FORDS,HONDA/HONDAS,TRUCK/TRUCKS,VAN/VANS,JEEP/JEEPS",
    "carpart": "BRAKES:p,ENGINE,RADIO,LIGHTS:p,BATTERY,TIRES:p,HEATER,HORN",
}

EXCHANGES = {
    "family": """
A: (DO YOU HAVE A BIG FAMILY?|HOW BIG IS YOUR FAMILY?|ARE THERE A LOT OF PEOPLE IN YOUR FAMILY?)
B: {+small} <no> IT'S JUST MY {my-spouse} AND OUR {my-child}. | {+small} PRETTY SMALL, I HAVE ONE (BROTHER|SISTER) AND THAT'S IT.
A.small: (WELL A SMALL FAMILY IS <good>|THAT'S <how>), DO YOU SEE THEM A LOT?
B.small: <yes> WE {activity} <often>. | WE TRY TO, WE {activity} <often>.

A: {+x} DOES YOUR {relative} (STILL LIVE|LIVE) (NEAR YOU|IN {my-city})? | {+p} DO YOUR PARENTS (STILL LIVE|LIVE) (NEAR YOU|IN {my-city})?
B.x: NO, {relative.he} (MOVED|WENT) TO {city} <past>, {relative.he} LOVES IT THERE. | YES, {relative.he} LIVES <number> (MILES|MINUTES) FROM (MY|OUR) HOUSE.
B.p: NO, THEY (MOVED|WENT) TO {city} <past>, THEY LOVE IT THERE. | YES, THEY LIVE <number> (MILES|MINUTES) FROM (MY|OUR) HOUSE.
A.x: HOW OFTEN DO YOU SEE {relative.him}? | DO YOU SEE {relative.him} VERY OFTEN?
A.p: HOW OFTEN DO YOU SEE THEM? | DO YOU SEE THEM VERY OFTEN?
B.x: (MAYBE|ABOUT) (ONCE|TWICE) A (WEEK|MONTH|YEAR), WHEN {relative.he} COMES OVER WE {activity}. | NOT ENOUGH, {relative.hes} ALWAYS (WORKING|BUSY).
B.p: (MAYBE|ABOUT) (ONCE|TWICE) A (WEEK|MONTH|YEAR), WHEN THEY COME OVER WE {activity}. | NOT ENOUGH, THEY'RE ALWAYS (WORKING|BUSY).
A: <cheer>

A: HOW OLD IS YOUR {your-child} NOW?
B: {my-child.he} JUST TURNED {teen}, CAN YOU BELIEVE IT?
A: {teen}, I REMEMBER WHEN {your-child.he} WAS A BABY. | (OH I DO|YES I DO|I CAN), MY {my-child} WAS <very> {trait} AT THAT AGE.
B: AND NOW {my-child.he} WANTS TO (DRIVE MY {make}|MOVE TO {city}|LIVE IN THE {my-room}).
A: WHAT DOES YOUR {your-spouse} SAY ABOUT THAT?
B: (MY {my-spouse} SAYS|{my-spouse.he} SAYS) ({my-child.hes} JUST LIKE ME|WE SHOULD WAIT|{my-child.he} CAN PAY FOR IT|NO WAY).

A: {+p} MY {relative} GOT MARRIED <past>. | {+f} MY {relative} IS GETTING MARRIED <future>.
B: OH (CONGRATULATIONS|HOW <good>|<very> <good>), (HOW IS THE NEW ONE?|DO YOU LIKE THE NEW ONE?|IS EVERYBODY HAPPY?)
A.f: YEAH, (IT'S GOING TO BE IN {city}|WE'RE ALL GOING TO {activity}).
A.p: YEAH, (WE ALL {activity.ed}|IT WAS IN {city}|I CRIED THE WHOLE TIME|THE CAKE WAS <how>).
B: (WEDDINGS ARE|A WEDDING IS) SO <good>, I ALWAYS EAT TOO MUCH CAKE.

A: WHAT IS YOUR {your-spouse} LIKE? | TELL ME, WHAT'S YOUR {your-spouse} LIKE?
B: OH {my-spouse.hes} <very> {trait}, AND {my-spouse.he} (IS NEVER ON TIME|CAN'T COOK AT ALL|LOVES TO {activity}|TALKS TO THE {plant.s}).
A: THAT'S <good>, HOW LONG HAVE YOU TWO BEEN (TOGETHER|MARRIED)?
B: IT WAS {ty} YEARS IN {month}. | <long>, WE GOT MARRIED IN {city} IN THE RAIN.
A: GOODNESS, <cheer> | <cheer>
B: (WELL WE STILL LAUGH A LOT|WE STILL {activity}|{my-spouse.he} MAKES ME COFFEE EVERY MORNING|{my-spouse.he} STILL CAN'T FIND THE KEYS).
""",
    "pets": """
A: DO YOU HAVE ANY PETS AT HOME? | HAVE YOU GOT ANY PETS?
B: <yes> WE HAVE {my-petkind.a} CALLED {my-petname}, {my-petkind.hes} <very> {trait}. | YES, {my-petkind.a} AND {number} {otherpet.s}, THEY RUN THE HOUSE.
A: HOW LONG HAVE YOU HAD (THE|YOUR) {your-petkind}?
B: <long>, WE (FOUND|GOT) {my-petkind.him} FROM MY {kin} <past>.
A: AND (DOES {your-petkind.he} SLEEP IN YOUR BED?|IS {your-petkind.he} GOOD WITH THE KIDS?|WHAT DOES {your-petkind.he} EAT?)
B: (ONLY WHEN {my-petkind.hes} (TIRED|COLD)|{my-petkind.he} LIKES {plant.s} AND CHEESE).

A: OUR {my-petkind} IS DRIVING ME CRAZY.
B: OH NO, WHAT DID {your-petkind.he} DO? | WHAT HAPPENED, WHAT DID {your-petkind.he} DO THIS TIME?
A: WELL, {my-petkind.he} {mischief.ed} AND THEN {my-petkind.he} {mischief2.ed}. | {my-petkind.he} {mischief.ed}, AND I HAD TO CALL MY {kin}.
B: (AND WHAT DID YOU DO?|WAS YOUR {your-spouse} ANGRY?)
A: (HOW COULD I|NO WAY|I COULDN'T), {my-petkind.he} (LOOKED|WAS LOOKING) AT ME WITH THOSE BIG {color} EYES. | I TRIED, BUT I (COULDN'T STOP LAUGHING|JUST LAUGHED AND LAUGHED).
B: (OURS|MINE) {mischief2.ed} <past>.

A: WHICH DO YOU LIKE BETTER, CATS OR DOGS? | ARE YOU A CAT PERSON OR A DOG PERSON?
B: {+d} (OH I'M A DOG PERSON|DOGS|I LIKE DOGS BETTER), (A DOG IS|THEY'RE) ALWAYS HAPPY TO SEE YOU. | {+c} (OH I'M A CAT PERSON|CATS|I LIKE CATS BETTER), THEY DON'T NEED A WALK IN THE RAIN.
A.d: (BUT YOU HAVE|DON'T YOU HAVE) TO WALK A DOG <number> TIMES A DAY?
A.c: (BUT|AND) DO CATS EVER LISTEN TO YOU?
B.d: (I LIKE|I NEED|WE LIKE) THE WALK, IT'S <good> FOR MY {body}.
B.c: (NEVER|OF COURSE NOT|ONLY AT DINNER TIME), BUT MY {my-spouse} NEVER LISTENS TO ME AND I LOVE {my-spouse.him}.
A: <agree>.

A: I HAD TO TAKE THE {my-petkind} TO THE VET <past>.
B: OH NO, (IS {your-petkind.he} SICK?|WHAT'S WRONG WITH {your-petkind.him}?|DID {your-petkind.he} GET HURT?)
A: YEAH, {my-petkind.he} ATE (A WHOLE|{number}) (CHICKEN|CAKE), BUT {my-petkind.hes} (FINE|BETTER) NOW. | {my-petkind.he} HURT {my-petkind.his} BACK BUT {my-petkind.hes} (FINE|BETTER) NOW.
B: I'M GLAD {your-petkind.hes} (FINE|BETTER), WHAT DID THE VET CHARGE?
A: (ABOUT|ALMOST|MORE THAN) <money>, I SHOULD HAVE BEEN A VET.
B: <pity>

A: MY {my-child} WANTS {otherpet.a}, (WHAT DO YOU THINK?|IS THAT A LOT OF WORK?|DID YOU EVER HAVE ONE?)
B: WELL, {otherpet.s} ARE (<how>|<howbad>), (BUT WHO'S GOING TO FEED IT|BUT THEY LIVE A LONG TIME). | WE HAD {otherpet.a} IN {city}, {otherpet.he} {mischief.ed} <often>.
A: {my-child.he} SAYS {my-child.he} WILL (FEED|WASH|WALK) {otherpet.him} <often>. | THAT'S WHAT MY {my-spouse} (SAYS|SAID).
B: (THEY ALL SAY THAT|I'VE HEARD THAT BEFORE), (AND THEN YOU DO IT|FOR <number> DAYS).
""",
    "house": """
A: DO YOU LIVE IN A HOUSE OR AN APARTMENT?
B: {+a} AN APARTMENT, (ON THE <ordinal> FLOOR|RIGHT DOWNTOWN), WE MOVED IN <past>.
A.a: {+n} (IS IT|ISN'T IT) TOO LOUD? | {+r} DO YOU PAY A LOT FOR IT?
B.o: <yes> IT'S <ty> YEARS OLD AND SO {repair.is} THE {repair}.
B.y: <yes> BUT THE {plant.s} ARE <how>, MY {my-spouse} TALKS TO THEM.
B.n: <yes> (MY|THE) NEIGHBOR PLAYS THE {instrument} <often>.
B.r: <yes> (ALMOST|ABOUT) <money> A MONTH.
A: <pity>

A: ARE YOU DOING ANY WORK ON THE HOUSE? | WHAT ARE YOU DOING TO THE HOUSE THIS {season}?
B: <yes> WE'RE (PAINTING|FIXING) THE {room} <future>. | YES, THE {repair} {need@repair} WORK, {repair.he} {repair.was} FIXED <long> AGO.
A: CAN YOU DO THAT YOURSELF?
B: {+s} <yes> (MY {my-spouse}|MY {relative}) CAN FIX ANYTHING. | {+h} (I CAN'T|NO I CAN'T), THE LAST TIME I {broke} THE {repair2}.
A.s: I WISH MINE COULD, OUR {repair3} {repair3.has} BEEN <bad> SINCE {month}.
A.h: (I KNOW|SAME HERE), I TRIED TO (PAINT|FIX) THE {repair3} AND FELL INTO THE {plant.s}.
B: OH NO, <pity>

A: (WHAT COLOR|WHAT) SHOULD I PAINT THE {my-room}?
B: (HOW ABOUT|MAYBE|WHY NOT TRY) {color}, OR {color2} WITH A LITTLE {color3}. | I LIKE {color}, WE HAVE {color} IN (OUR|THE) {room}.
A: {color}, MY {my-spouse} (LOVES|CAN'T STAND) {color}.
B: THEN (LET {your-spouse.him} PAINT IT|PAINT IT WHEN {your-spouse.hes} AT WORK).

A: WHAT ARE YOU GROWING IN THE GARDEN THIS {season}? | HOW IS YOUR GARDEN DOING?
B: (GREAT|PRETTY WELL), I PLANTED {plant.s} AND {plant2.s} <past>. | NOT SO WELL, THE (RABBITS|BIRDS) ATE ALL THE {plant.s}. | JUST {plant.s}, MY {kin} {give@kin} ME {plant2.s}.
A: (DO YOU WATER|HOW OFTEN DO YOU WATER) {plant.s}?
B: {my-spouse.he} DOES THAT <often>, {my-spouse.he} EVEN TALKS TO THEM.
A: <cheer> | (I CAN'T|I COULD NEVER) GROW {plant3.s}, MINE ALL DIED <past>.

A: WE'RE THINKING OF (MOVING|BUYING A PLACE) IN {city}. | WE MIGHT (SELL THE HOUSE|MOVE TO {city}) <future>.
B: OH REALLY, WHY (WOULD YOU LEAVE {your-city}?|DO YOU WANT TO MOVE?)
A: (WELL|OH) (THE STAIRS ARE TOO MUCH|MY {my-spouse} GOT A JOB THERE|WE NEED MORE ROOM|THE HOUSE IS TOO BIG NOW|MY {kin} {live@kin} THERE|IT'S TOO COLD HERE).
B: (AND HOW MUCH IS|WHAT DOES) A HOUSE COST THERE?
A: ABOUT {ty} THOUSAND MORE THAN HERE.
""",
    "cars": """
A: WHAT KIND OF CAR DO YOU DRIVE?
B: I HAVE (AN OLD|A NEW|A {color}) {my-make}, (I'VE HAD IT|I'VE BEEN DRIVING IT) FOR <long>. | {my-make.a}, MY {my-spouse} BOUGHT IT <past>.
A: {+h} ARE YOU HAPPY WITH IT? | {+m} HOW MANY MILES DO YOU HAVE ON IT? | {+h} IS IT GOOD ON GAS?
B.m: (ABOUT|ALMOST) {teen} THOUSAND, I MEAN {teen.s} THOUSAND.
B.h: <yes> BUT THE {carpart} {carpart.is} (BAD|GOING).
A: <cheer>

A: MY CAR BROKE DOWN ON THE WAY TO (WORK|{city}) <past>.
B: OH NO, WHAT WAS WRONG WITH IT? | AGAIN, (WHAT WAS IT|WHAT IS IT) THIS TIME?
A: THE {carpart}, {carpart.he} {carpart.was} MAKING A (LOUD|STRANGE|TERRIBLE) NOISE. | (I THOUGHT|THEY SAID) IT WAS THE {carpart} BUT IT WAS THE {carpart2}.
B: (HOW MUCH DID|WHAT DID) THAT COST YOU?
A: {+t} {teen} HUNDRED DOLLARS. | {+m} <money>, (AND IT STILL MAKES THE NOISE|AND I WALKED TO WORK).
B.t: DID YOU SAY {teen} (HUNDRED OR|OR) {teen.s}?
B.m: <pity>
A.t: I SAID {teen}, (BUT IT FELT LIKE|IT MIGHT AS WELL BE) {teen.s}.
A.m: WELL, MY {kin} {have@kin} {make.a} I CAN DRIVE.

A: ARE YOU GOING TO (BUY|GET) A NEW CAR <future>?
B: {+y} <yes> (WE'RE LOOKING AT|I'M THINKING OF|I WANT) {make.a}, IN {color}. | {+n} <no> MINE (HAS ANOTHER|WILL LAST) <number> YEARS.
A.y: (WHY|HOW COME YOU WANT) {make.a}?
A.n: (WHAT DO YOU HAVE NOW?|WHAT ARE YOU DRIVING NOW?)
B.y: BECAUSE (IT'S BIG ENOUGH FOR THE {petkind} AND THE KIDS|MY {my-spouse} LIKES THE COLOR).
B.n: {my-make.a}, (THE RADIO WORKS AND THAT'S ENOUGH|MY {kin} GAVE IT TO ME). | THE SAME OLD {my-make}, AND I LOVE IT.
A: <agree>.

A: DO YOU FIX YOUR CAR YOURSELF?
B: {+n} I USED TO, BUT NOW (EVERYTHING IS|IT'S ALL) A COMPUTER.
A.n: SO WHERE DO YOU TAKE IT?
B.n: (THERE'S A MAN|I KNOW A MAN) NEAR MY (OFFICE|HOUSE) AND HE'S <very> (CHEAP|KIND).

A: MY {my-child} IS LEARNING TO DRIVE.
B: OH MY, HOW IS THAT GOING? | ALREADY, HOW IS {your-child.he} DOING?
A: {my-child.he} HIT (THE FENCE|OUR {repair}) <past>.
B: WHO'S TEACHING {your-child.him}, YOU OR YOUR {your-spouse}?
A: (MY {my-spouse}|NOT ME, MY {my-spouse}), I SIT IN THE {my-room} AND DRINK TEA. | ME, MY {my-spouse} GAVE UP AFTER <number> MINUTES.
""",
}
