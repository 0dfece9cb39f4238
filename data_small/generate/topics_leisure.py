"""Topics of free time: films, music, sports, holidays, food."""

# ruff: noqa: E501  (a turn a line, as it is read)

CLASSES = {
    "filmkind": "COMEDY/COMEDIES,WESTERN/WESTERNS,MYSTERY/MYSTERIES,MUSICAL/MUSICALS,WAR MOVIE/WAR MOVIES,"
    "LOVE STORY/LOVE STORIES,HORROR MOVIE/HORROR MOVIES",
    "plot": "A BANK ROBBER,A LONELY COWBOY,A DETECTIVE,A MAN WHO CAN FLY,TWO OLD LADIES,A LOST CHILD,A SHIP,"
    "A SHEEP FARMER,A PRESIDENT",
    "filmpart": "ENDING,MUSIC,ACTING,STORY,BEGINNING,ACTORS:p",
    "musickind": "JAZZ,COUNTRY MUSIC,ROCK,CLASSICAL MUSIC,THE BLUES,FOLK SONGS",
    "instrument": "PIANO,GUITAR,VIOLIN,DRUMS,TRUMPET,FLUTE",
    "sport": "TENNIS,GOLF,SOCCER,BASEBALL,BASKETBALL,HOCKEY,FOOTBALL",
    "exercise": "SWIM,RUN,RIDE A BIKE,WALK,PLAY GOLF,PLAY TENNIS",
    "team": "LIONS:p,EAGLES:p,BEARS:p,TIGERS:p,GIANTS:p,COWBOYS:p",
    "place": "BEACH,MOUNTAINS:p,LAKE,PARK,ISLAND,DESERT,COAST,RIVER",
    "land": "ITALY,FRANCE,SPAIN,MEXICO,CANADA,JAPAN,IRELAND,GREECE",
    "transport": "TRAIN,PLANE,BUS,BOAT,CAR",
    "trip": "SWIM IN THE LAKE,SLEEP IN A TENT,EAT FISH,CLIMB A HILL,RIDE HORSES,VISIT A MUSEUM,LOSE OUR BAGS,"
    "DRIVE ALONG THE COAST,FEED THE BIRDS",
    "dish": "SOUP,PASTA,CHICKEN,FISH,STEAK,PIZZA,SALAD,CURRY,RICE,TURKEY",
    "dessert": "APPLE PIE,CHOCOLATE CAKE,ICE CREAM,CHEESECAKE,COOKIES:p,PANCAKES:p",
    "cuisine": "ITALIAN,CHINESE,MEXICAN,INDIAN,FRENCH,GREEK",
    "ingredient": "GARLIC,BUTTER,CHEESE,LEMON,SALT,SUGAR,PEPPER,HONEY",
}

EXCHANGES = {
    "films": """
A: HAVE YOU SEEN ANY GOOD MOVIES LATELY? | WHAT WAS THE LAST MOVIE YOU SAW?
B: WE SAW {filmkind.a} <past>, IT'S ABOUT {plot}. | <yes> THERE WAS {filmkind.a} ABOUT {plot} AND {plot2}.
A: WAS IT ANY GOOD? | AND DID YOU LIKE IT? | WHAT DID YOU THINK OF IT?
B: {+b} (IT WAS|I THOUGHT IT WAS) <howbad>, THE {filmpart} {filmpart.was} <howbad>. | {+b} I (FELL|WAS) ASLEEP AFTER {ty} MINUTES.
A.b: SO I'LL STAY HOME, WHAT DID YOUR {your-spouse} SAY?
B.b: {my-spouse.he} (WANTED {my-spouse.his} MONEY BACK|SAW IT TWICE).

A: WHAT KIND OF MOVIES DO YOU LIKE? | DO YOU LIKE {filmkind.s}?
B: I LIKE {filmkind.s}, BUT (MY {my-spouse} ONLY WATCHES|MY {my-spouse} PREFERS|THE KIDS ALWAYS WANT) {filmkind2.s}.
A: SO WHAT DO YOU WATCH?
B: (NEVER|NOTHING), WE (GO OUT FOR {dish}|{activity}|GO TO BED) INSTEAD. | (I DO|{my-spouse.he} DOES), {my-spouse.he} HIDES THE TICKETS.
A: <agree>, MY {kin} {love@kin} {filmkind3.s}.

A: DO YOU GO TO THE MOVIES A LOT? | HOW OFTEN DO YOU GO TO THE MOVIES?
B: {+y} <often>, THERE'S A <good> THEATER (NEAR US|DOWNTOWN). | {+n} NOT ANY MORE, IT COSTS {teen} DOLLARS [FOR ONE TICKET].
A.y: AND HOW MUCH IS A TICKET (THERE|OVER THERE)?
A.n: (DID YOU SAY {teen}|{teen}), OR {teen.s}?
B.y: ABOUT {teen} DOLLARS, BUT IT'S HALF PRICE ON {day.s}.
B.n: {teen}, BUT FOR THE FAMILY IT'S {teen.s}.
A: (THAT'S WHY|SO) WE WAIT AND WATCH THEM AT HOME. | I REMEMBER WHEN IT WAS {number} DOLLARS.

A: DID YOU WATCH (THAT|THE NEW) SHOW ON TELEVISION <past>, THE ONE ABOUT {plot}?
B: {+y} <yes> WE (NEVER MISS IT|WATCH IT <often>|SAW THE WHOLE THING). | {+n} <no> I {+t} WAS (BUSY|ASLEEP|{task.ing}|WORKING LATE).
A.y: WASN'T THE {filmpart} <how>?
A.n: OH YOU SHOULD, THE {filmpart} {filmpart.is} <how>.
B.y: I (LIKED|LOVED|HATED) {filmpart.him}, MY {my-spouse} COULDN'T (SLEEP|STOP LAUGHING).
B.n: (OKAY|MAYBE) I'LL WATCH IT <future>, (WHAT TIME IS IT ON?|WHEN IS IT ON?)
A.n: AT {hour} ON {day.s}, RIGHT AFTER THE NEWS.
""",
    "music": """
A: WHAT KIND OF MUSIC DO YOU LISTEN TO? | DO YOU LIKE {musickind}?
B: I GREW UP WITH {musickind}, MY {kin} {play@kin} IT <often>.
A: (WHEN DO YOU LISTEN TO IT?|DOES YOUR {your-spouse} LIKE IT TOO?)
B: ONLY WHEN I'M (IN THE CAR|COOKING|CLEANING THE {room}|ALONE). | <yes> WE WENT (TO HEAR|TO SEE) A BAND <past>, THEY WERE <how>.
A: <cheer> | (FUNNY|THAT'S FUNNY), MY {my-child} SAYS {musickind} IS FOR OLD PEOPLE.

A: CAN YOU PLAY ANYTHING, LIKE THE {instrument}?
B: {+y} I (PLAY|USED TO PLAY) THE {my-instrument}, (BUT NOT VERY WELL|BUT MY {kin} {play@kin} BETTER|IN A BAND). | {+n} <no> I CAN'T EVEN SING, BUT MY {my-child} PLAYS THE {instrument}.
A.y: HOW LONG DID IT TAKE YOU TO LEARN?
A.n: IS {your-child.he} ANY GOOD?
B.y: <often>, (WHEN|UNTIL) MY {my-spouse} LEAVES THE HOUSE. | (ABOUT|ALMOST) <number> YEARS, AND I ONLY KNOW {number} SONGS.
B.n: {my-child.hes} <very> GOOD, {my-child.he} PLAYED AT SCHOOL <past>.
A: <cheer>

A: WE WENT TO A CONCERT IN {city} <past>.
B: OH REALLY, (WHO DID YOU SEE?|WHAT DID THEY PLAY?|HOW WAS IT?)
A: IT WAS {musickind}, IT WAS TOO LOUD FOR ME. | {musickind}, AND (IT RAINED|WE COULDN'T SEE A THING) THE WHOLE TIME.
B: HOW MUCH WERE THE TICKETS?
A: {teen.s} DOLLARS EACH.
B: {teen.s}, (YOU MEAN|NOT) {teen}, <pity> | THAT'S (NOT BAD|A LOT), MY {kin} PAID <money>.

A: MY {my-child} WANTS TO START A BAND.
B: <very> <good>, WHAT DOES {your-child.he} PLAY?
A: THE {instrument}, IN OUR {my-room}, <often>. | {my-child.he} SINGS, BUT {my-child.he} CAN'T REALLY SING.
B: (AND WHAT DO THE NEIGHBORS SAY?|CAN YOU SLEEP?|IS IT VERY LOUD?)
A: (THEY'RE|THE NEIGHBORS ARE) MOVING TO {city}. | WE SLEEP IN THE CAR NOW.
B: (WELL|OH WELL) (IT'S BETTER THAN|AT LEAST IT'S NOT) THE {instrument2}.
""",
    "sports": """
A: DO YOU PLAY {sport3} OR {sport4}? | DO YOU PLAY ANY {sport3}?
B: I {exercise} <often>, AND I (USED TO PLAY|PLAY A LITTLE) {sport}. | <yes> I PLAY {sport} WITH MY {kin} <often>. | NOT ANY MORE, I HURT MY (KNEE|BACK|FOOT) PLAYING {sport}.
A: {+s} DOES YOUR {your-spouse} PLAY TOO? | {+w} (DO YOU WIN?|ISN'T THAT <howbad>?) | {+p} WHERE DO YOU PLAY?
B.w: (WELL I LOSE|I NEVER WIN|I USUALLY LOSE), BUT THE {dish} AFTER IT IS <good>.
B.s: MY {my-spouse} WATCHES {sport2} ON TELEVISION, <often>.
B.p: WE PLAY NEAR THE (SCHOOL|RIVER).
A: <agree>.

A: DID YOU SEE THE GAME <past>? | DID YOU WATCH THE {team} ON {day}?
B: {+y} YES, THE {team} {won} BY {number} POINTS. | {+y} <yes> {teen} TO {number}, (WHAT A GAME|I COULDN'T BELIEVE IT). | {+n} <no> MY {my-spouse} WANTED TO WATCH {filmkind.a}, WHO WON?
A.y: I KNOW, AND THEY (LOST TO|HAD TO PLAY) THE {team2} <past>.
A.n: THE {team}, {teen} TO {number}. | (WE DID|THEY DID), BY {teen} POINTS.
B.n: DID YOU SAY {teen} OR {teen.s}?
A.n: {teen}, (IT WASN'T THAT BAD|NOT EVEN THE {team2} ARE THAT BAD).
B.y: MY {kin} HIT THE TELEVISION WITH A {coat}. | THEY SHOULD ALL GO BACK TO SCHOOL.

A: WHO DO YOU LIKE, THE {team3} OR THE {team4}?
B: THE {my-team}, (MY {kin} {take@kin} ME <often>|THROUGH GOOD AND BAD). | I'VE ALWAYS LIKED THE {my-team}, THEY HAVEN'T WON SINCE I WAS {teen}.
A: THE {your-team}, (ARE THEY ANY GOOD THIS YEAR?|DO YOU THINK THEY'LL WIN THIS YEAR?)
B: <think> THEY'LL (WIN|LOSE) TO THE {team2} <future>. | THEY CAN RUN BUT THEY CAN'T WIN.
A: (WELL|OH WELL) THERE'S ALWAYS NEXT YEAR.

A: I STARTED (SWIMMING|PLAYING {sport}) <past>.
B: GOOD FOR YOU, HOW IS IT GOING? | WHAT MADE YOU DO THAT?
A: (MY DOCTOR|MY {my-spouse}|MY {kin}) SAID I SHOULD, AND (NOW EVERYTHING HURTS|I'VE LOST {teen} POUNDS|I FEEL <how>).
B: DID YOU SAY {teen} POUNDS, <cheer> | (KEEP IT UP|DON'T GIVE UP), THE FIRST {number} WEEKS ARE HARD.
A: (THAT'S WHAT|I HOPE THAT'S WHAT) THEY SAY, BUT I MISS MY {dessert}.

A: DOES YOUR {your-child} PLAY {sport}?
B: <yes> {my-child.he} PLAYS <often>, {my-child.hes} <very> (FAST|GOOD|SMALL) FOR {my-child.his} AGE. | {my-child.he} TRIED, BUT {my-child.he} LIKES {sport2} BETTER.
A: AND DO YOU HAVE TO DRIVE {your-child.him}?
B: OF COURSE, (I SIT|WE SIT) IN THE {sky} <often>. | <often>, AND THEN WE DRIVE TO {city} FOR {dish}.
A: THOSE ARE THE BEST YEARS. | <cheer>
""",
    "holidays": """
A: (WHERE ARE|WHERE) YOU GOING ON VACATION THIS {season}? | DO YOU HAVE PLANS FOR {month}?
B: WE'RE GOING TO {land} WITH MY {kin} IN {month2}. | (WE MIGHT|WE WANT TO) GO TO THE {place}, OR MAYBE TO {land}. | WE'RE STAYING HOME, THE {repair} COST TOO MUCH.
A: (HAVE YOU BEEN THERE BEFORE?|HOW LONG ARE YOU STAYING?|WHO'S TAKING CARE OF THE {your-petkind}?)
B: <number> (WEEKS|DAYS), IT'S NEVER ENOUGH. | MY {kin2}, {kin2.he} {love@kin2} {my-petkind.him}. | <yes> WE WENT THERE <past>, WE {trip.ed} AND {trip2.ed}.
A: <cheer>

A: HOW WAS YOUR VACATION?
B: {+g} IT WAS <how>, WE {trip.ed} <often> AND {trip2.ed}. | {+b} IT WAS <howbad>, IT RAINED FOR {number} DAYS AND WE {trip.ed}.
A.g: HOW DID YOU GET THERE, BY {transport}?
A.b: (OH NO|<pity>), WHAT DID YOU DO ALL DAY?
B.g: BY {transport}, IT TOOK {teen} HOURS. | YES, THE {transport} WAS (LATE|CHEAP) BUT WE GOT THERE.
B.b: WE {activity.ed}, AND THE KIDS {activity2.ed}. | WE {activity.ed} IN (A TENT|THE CAR|A SMALL ROOM).
A: (WOULD YOU GO BACK?|WOULD YOU DO IT AGAIN?)
B.g: (TOMORROW|OF COURSE), (THE FOOD WAS|THE PEOPLE WERE) <how>.
B.b: (NEVER|NOT FOR <money>|NO WAY), NEXT YEAR WE'LL GO TO {land2}. | WELL, (MY {my-spouse} LIKED IT|THE {dish} WAS <how>).

A: DO YOU LIKE TO FLY? | DO YOU FLY A LOT?
B: {+y} <yes> I FLY TO {city} <often> FOR WORK.
A.y: DO YOU SLEEP ON THE PLANE?
B.y: NEVER, (THERE'S ALWAYS A BABY|I WATCH {number} MOVIES).
A: <agree>.

A: DO YOU LIKE THE BEACH OR THE MOUNTAINS?
B: I LIKE THE {place}, BUT MY {my-spouse} LIKES THE {place2}, SO WE GO TO THE {place3}. | <think> THE {place} {place.is} <how>, WE GO THERE <often>.
A: (WHAT DO YOU DO THERE?|AND WHAT DO THE KIDS LIKE?)
B: WE {trip} AND {trip2}. | OH WE {activity}, AND THE KIDS {trip}.
A: <cheer>

A: WE MISSED OUR {transport} TO {city} <past>.
B: OH NO, HOW COME?
A: MY {my-spouse} THOUGHT IT LEFT AT FOUR {teen.s} AND IT LEFT AT FOUR {teen}. | WE HEARD FIFTEEN BUT (IT SAID|SHE SAID) FIFTY.
B: SO WHAT DID YOU DO (THEN|ALL DAY)?
A: WE {trip.ed}, AND (THEN WE DROVE|WE TOOK THE {transport2}) HOME. | WE SAT AND ATE {dish} FOR {number} HOURS.
B: <pity>
""",
    "food": """
A: WHAT ARE YOU HAVING FOR DINNER ON {day}? | WHAT DID YOU COOK <past>?
B: {dish} WITH {ingredient} AND {ingredient2}, MY {kin} {teach@kin} ME HOW. | (JUST|MAYBE) {dish}, AND {dessert} (FOR AFTER|IF THE KIDS ARE GOOD).
A: {+c} (HOW DO YOU MAKE IT?|IS THAT HARD TO MAKE?) | {+n} CAN I COME OVER?
B.c: (FIRST YOU|YOU JUST) (WASH|COOK) THE {dish}, THEN YOU PUT IN {ingredient3} AND WAIT {teen} MINUTES.
B.n: OF COURSE, BUT BRING SOME {ingredient3}.
A.c: {teen} (MINUTES OR|OR) {teen.s}? | DID YOU SAY {teen} (MINUTES OR|OR) {teen.s}?
A.n: <cheer>
B.c: {teen}, AT {teen.s} IT'S FOR THE DOG.

A: DO YOU COOK MUCH? | WHO DOES THE COOKING AT YOUR HOUSE?
B: {+m} (I DO|I COOK), <often>, I MAKE A <good> {dish}. | {+s} MY {my-spouse} DOES, {my-spouse.he} MAKES {dish} <often>.
A.m: (AND WHAT DOES YOUR {your-spouse} DO?|DO THE KIDS EAT IT?)
A.s: LUCKY YOU, IS {your-spouse.he} A GOOD COOK?
B.m: {my-spouse.he} SAYS IT NEEDS {ingredient}. | THEY WANT {dish2} WITH {ingredient}, <often>.
B.s: <no> (BUT I|I) NEVER SAY SO.
A: <agree>.

A: WHERE DO YOU GO WHEN YOU EAT OUT?
B: THERE'S A <good> {cuisine} PLACE (DOWNTOWN|BY THE RIVER), WE GO THERE <often>. | WE LIKE {cuisine} FOOD, BUT MY {my-spouse} (ALWAYS WANTS|PREFERS) {cuisine2}.
A: {+o} WHAT SHOULD I ORDER? | {+e} IS IT EXPENSIVE?
B.o: (TRY THE|GET THE|YOU HAVE TO TRY THE) {dish} WITH {ingredient}, AND THEN THE {dessert}.
B.e: <no> (IT'S ABOUT|WE PAID) {ty} DOLLARS FOR {number} PEOPLE.
A: <cheer> | (OH I|I) CAN'T EAT {ingredient}, BUT MY {kin} WILL LOVE IT.
B: TELL THEM {my-name} TOLD YOU. | BUT DON'T GO ON {day.s}, YOU WAIT {number} HOURS.

A: I TRIED TO BAKE {dessert} <past>. | I COOKED {dish} FOR MY {kin} <past>.
B: AND DID (ANYBODY EAT IT|THEY LIKE IT)?
A: (WELL|UM) I USED {ingredient} INSTEAD OF {ingredient2}. | EVEN THE {petkind} (DIDN'T WANT|LEFT) IT. | IT WAS <how>, THERE'S NOTHING LEFT.
B: <cheer>, ONCE I BURNED THE {dish2} AND WE ORDERED {cuisine}.
A: {+l} ARE YOU LAUGHING AT ME? | {+h} HOW DID YOU DO THAT?
B.l: (ONLY A LITTLE|NO NOT AT ALL|YES, A LITTLE), I'M SORRY.
B.h: (I WAS|I GOT) ON THE PHONE WITH MY {kin}.

A: ARE YOU STILL ON (A|YOUR|THAT) DIET? | HOW IS THE DIET GOING?
B: NO, I GAVE UP WHEN MY {kin} BROUGHT {dessert}.
A: (AND HAVE YOU LOST|DID YOU LOSE) ANY WEIGHT?
B: {number} POUNDS, AND (I FOUND {number2} AGAIN|MY {my-spouse} FOUND THEM). | <yes> {teen} POUNDS SINCE {month}.
A: <cheer>
""",
}
