"""Which things the painter learns, and by which words.

The art is Fluent Emoji flat (MIT); labels are emojibase's (MIT), plainer names and further words are ours. A concept has one name, the phrase a caption
uses most, and other phrases that mean the same. A phrase belongs to one concept only, so that a caption never lies.
"""

import json
import re
from dataclasses import dataclass

from . import paths

# Whole subgroups, minus what is a near-duplicate, unreadable when small, or not a thing to paint.
SUBGROUPS = {
    'animal-mammal': 'monkey; dog; guide dog; service dog; cat; tiger; horse; ox; water buffalo; cow; pig; pig nose; two-hump camel; mouse; rabbit; ram',
    'animal-bird': 'front-facing baby chick; chicken; dove; black bird; wing; dodo',
    'animal-amphibian': '',
    'animal-reptile': 'dragon',
    'animal-marine': 'whale; seal',
    'animal-bug': 'cricket; cockroach; microbe; bug',
    'plant-flower': 'wilted flower; white flower',
    'plant-other': 'leaf fluttering in wind; shamrock; empty nest; fallen leaf',
    'food-fruit': 'tangerine',
    'food-vegetable': 'brown mushroom; ginger root; beans',
    'food-prepared': 'flatbread; stuffed flatbread; tamale; pot of food; fondue; falafel; meat on bone; bagel',
    'food-asian': 'rice cracker; cooked rice; curry rice; roasted sweet potato; oden; fish cake with swirl; moon cake; dumpling; takeout box; fried shrimp',
    'food-sweet': 'ice cream; shortcake; custard',
    'drink': 'sake; clinking glasses; pouring liquid; mate; clinking beer mugs; tumbler glass; beverage box',
    'dishware': 'chopsticks; amphora; fork and knife with plate; jar',
    'place-geographic': 'mountain; national park; desert; camping',
    'place-building': 'building construction; houses; house with garden; Japanese post office; post office; love hotel; hotel; '
                      'department store; bank; derelict house; hut; wood; wedding; convenience store; office building',
    'place-religious': 'hindu temple; synagogue; kaaba',
    'place-other': 'foggy; cityscape at dusk; bridge at night; hot springs; barber pole; sunrise; night with stars; sunrise over mountains; playground slide',
    'transport-ground': 'railway car; high-speed train; metro; light rail; station; monorail; mountain railway; tram car; oncoming bus; trolleybus; '
                        'minibus; oncoming police car; taxi; oncoming automobile; sport utility vehicle; manual wheelchair; motorized wheelchair; '
                        'bus stop; motorway; railway track; oil drum; horizontal traffic light; train; construction; articulated lorry; auto rickshaw',
    'transport-water': 'ferry; motor boat; passenger ship',
    'transport-air': 'small airplane; airplane departure; airplane arrival; seat; suspension railway; mountain cableway; aerial tramway',
    'hotel': 'bellhop bell',
    'sky-weather': 'waxing crescent moon; first quarter moon; waxing gibbous moon; new moon; waning gibbous moon; last quarter moon; '
                   'waning crescent moon; new moon face; first quarter moon face; last quarter moon face; full moon face; sun behind small cloud; '
                   'sun behind large cloud; sun behind rain cloud; cloud with lightning and rain; fog; wind face; cyclone; closed umbrella; '
                   'umbrella on ground; umbrella with rain drops; snowman without snow; glowing star; shooting star; sun with face',
    'event': 'sparkler; confetti ball; tanabata tree; pine decoration; Japanese dolls; wind chime; moon viewing ceremony; red envelope; reminder ribbon; admission tickets; carp streamer',
    'award-medal': 'military medal; 2nd place medal; 3rd place medal; sports medal',
    'sport': 'softball; rugby football; field hockey; lacrosse; cricket game; goal net; running shirt; curling stone; fishing pole; badminton; ice hockey',
    'game': 'spade suit; heart suit; diamond suit; club suit; mahjong red dragon; flower playing cards; joker; slot machine; pistol',
    'arts-crafts': 'sewing needle; knot',
    'clothing': 'lab coat; sari; briefs; clutch bag; thong sandal; flat shoe; woman’s sandal; prayer beads; hair pick; woman’s clothes; folding hand fan; '
                'one-piece swimsuit; shopping bags; military helmet; coat; man’s shoe; ballet shoes',
    'sound': 'muted speaker; speaker low volume; speaker medium volume; speaker high volume; postal horn; bell with slash; loudspeaker',
    'music': 'musical notes; level slider; control knobs; musical score; studio microphone',
    'musical-instrument': 'long drum; flute',
    'phone': 'mobile phone with arrow; telephone receiver; pager; fax machine',
    'computer': 'low battery; trackball; computer disk; dvd; electric plug; keyboard',
    'light-video': 'film frames; camera with flash; video camera; videocassette; magnifying glass tilted right; diya lamp; film projector; red paper lantern',
    'book-paper': 'notebook with decorative cover; notebook; ledger; page with curl; page facing up; rolled-up newspaper; bookmark tabs; bookmark; label; green book; blue book; orange book',
    'money': 'yen banknote; euro banknote; pound banknote; money with wings; receipt; chart increasing with yen',
    'mail': 'e-mail; incoming envelope; envelope with arrow; outbox tray; inbox tray; closed mailbox with lowered flag; open mailbox with raised flag; '
            'open mailbox with lowered flag; ballot box with ballot; postbox',
    'writing': 'black nib; fountain pen; memo; pen',
    'office': 'open file folder; card index dividers; tear-off calendar; spiral notepad; spiral calendar; card index; round pushpin; linked paperclips; '
              'straight ruler; card file box; file cabinet; chart decreasing; chart increasing',
    'lock': 'unlocked; locked with pen; locked with key; old key',
    'tool': 'pick; hammer and pick; hammer and wrench; clamp; white cane; link; broken chain; chains; hook; boomerang; carpentry saw',
    'science': 'alembic; petri dish; satellite antenna',
    'medical': 'crutch; adhesive bandage; x-ray; drop of blood',
    'household': 'elevator; plunger; mouse trap; razor; lotion bottle; safety pin; roll of paper; bubbles; sponge',
}

# One by one, from the subgroups of which most members look alike.
CHOSEN = (
    'grinning face; face with tears of joy; slightly smiling face; winking face; smiling face with halo; smiling face with heart-eyes; star-struck; '
    'face blowing a kiss; face with tongue; money-mouth face; thinking face; zipper-mouth face; neutral face; face with rolling eyes; sleeping face; '
    'face with medical mask; nauseated face; hot face; cold face; exploding head; cowboy hat face; partying face; disguised face; '
    'smiling face with sunglasses; nerd face; face with monocle; frowning face; flushed face; pleading face; crying face; loudly crying face; '
    'face screaming in fear; angry face; enraged face; smiling face with horns; skull; skull and crossbones; pile of poo; clown face; ogre; goblin; '
    'ghost; alien; alien monster; robot; smiling cat with heart-eyes; see-no-evil monkey; hear-no-evil monkey; speak-no-evil monkey; '
    'love letter; heart with arrow; heart with ribbon; sparkling heart; broken heart; heart on fire; red heart; '
    'kiss mark; hundred points; collision; speech balloon; thought balloon; dizzy; '
    'thumbs up; thumbs down; waving hand; victory hand; OK hand; clapping hands; flexed biceps; eyes; brain; tooth; bone; ear; mouth; tongue; footprints; '
    'baby; man; woman; old man; old woman; boy; girl; astronaut; ninja; detective; cook; farmer; police officer; firefighter; construction worker; princess; '
    'Santa Claus; superhero; mage; fairy; vampire; mermaid; zombie; elf; genie; person surfing; snowboarder; woman dancing; '
    'alarm clock; hourglass done; stopwatch; watch; mantelpiece clock; globe showing Americas; world map; compass; '
    'warning; radioactive; stop sign; peace symbol; yin yang; check mark button; cross mark; red question mark; red exclamation mark; recycling symbol; '
    'atom symbol; infinity; pirate flag; rainbow flag; chequered flag; no entry; right arrow; '
    'moai; placard; headstone; nazar amulet; coffin; funeral urn'
)

# A plainer name for what people would type, and further words; the first is the concept's name.
NAMES = {
    'dog face': 'dog; puppy; doggy; pup; hound', 'cat face': 'cat; kitten; kitty; pussycat', 'monkey face': 'monkey; chimp; chimpanzee; ape',
    'tiger face': 'tiger', 'horse face': 'horse; pony; stallion; mare', 'cow face': 'cow; cattle; calf', 'pig face': 'pig; piglet; piggy',
    'mouse face': 'mouse', 'rabbit face': 'rabbit; bunny; hare', 'dragon face': 'dragon', 'lady beetle': 'ladybug; ladybird', 'honeybee': 'bee; honey bee; bumblebee',
    'sauropod': 'dinosaur; brontosaurus; diplodocus; dino; long-necked dinosaur', 'T-Rex': 't-rex; tyrannosaurus rex; tyrannosaurus', 'ewe': 'sheep; lamb', 'goat': 'goat; kid goat',
    'polar bear': 'polar bear; white bear', 'bear': 'bear; brown bear; grizzly bear', 'panda': 'panda; panda bear', 'spouting whale': 'whale', 'honey pot': 'honey; honey pot; jar of honey',
    'baby chick': 'chick; baby chick; baby bird', 'hatching chick': 'hatching chick; chick in an egg', 'rooster': 'rooster; cock; chicken', 'bird': 'bird; bluebird; songbird',
    'red apple': 'apple; red apple', 'cherries': 'cherries; cherry', 'grapes': 'grapes; grape', 'blueberries': 'blueberries; blueberry', 'kiwi fruit': 'kiwi; kiwi fruit', 'watermelon': 'watermelon; slice of watermelon',
    'eggplant': 'eggplant; aubergine', 'ear of corn': 'corn; maize; corn on the cob', 'hot pepper': 'hot pepper; chili; chilli pepper; chili pepper', 'bell pepper': 'bell pepper; paprika', 'leafy green': 'lettuce; cabbage', 'potato': 'potato',
    'peanuts': 'peanuts; peanut', 'olive': 'olives; olive', 'pea pod': 'peas; pea pod', 'hamburger': 'burger; hamburger; cheeseburger', 'french fries': 'fries; french fries; chips', 'pizza': 'pizza; slice of pizza; pizza slice',
    'hot dog': 'hot dog; hotdog', 'cheese wedge': 'cheese; piece of cheese', 'poultry leg': 'chicken leg; drumstick; chicken drumstick', 'cut of meat': 'steak; meat; raw steak', 'bread': 'bread; loaf of bread; toast',
    'baguette bread': 'baguette; french bread', 'cooking': 'fried egg; cooking pan; frying pan with an egg', 'egg': 'egg', 'shallow pan of food': 'paella; pan of food', 'bowl with spoon': 'soup; bowl with spoon; bowl of soup', 'green salad': 'salad; green salad', 'steaming bowl': 'ramen; noodles; noodle soup; bowl of noodles',
    'spaghetti': 'spaghetti; pasta; plate of spaghetti', 'rice ball': 'onigiri; rice ball', 'bento box': 'bento box; bento; lunch box', 'soft ice cream': 'ice cream; ice cream cone; soft ice cream; ice-cream', 'shaved ice': 'shaved ice',
    'doughnut': 'donut; doughnut', 'cookie': 'cookie; biscuit; chocolate chip cookie', 'birthday cake': 'birthday cake; cake', 'cupcake': 'cupcake; muffin', 'pie': 'pie; apple pie', 'chocolate bar': 'chocolate; chocolate bar; bar of chocolate', 'candy': 'candy; sweet; bonbon',
    'lollipop': 'lollipop; lolly', 'glass of milk': 'milk; glass of milk', 'hot beverage': 'coffee; cup of coffee; hot drink; hot beverage; mug of coffee', 'teacup without handle': 'tea; cup of tea; green tea', 'bottle with popping cork': 'champagne; bottle of champagne', 'wine glass': 'wine; glass of wine; wine glass; red wine',
    'cocktail glass': 'cocktail; martini', 'tropical drink': 'tropical drink; fruit cocktail', 'beer mug': 'beer; mug of beer; pint of beer', 'cup with straw': 'soda; cup with straw; soft drink', 'bubble tea': 'bubble tea; boba', 'ice': 'ice cube; ice', 'kitchen knife': 'knife; kitchen knife', 'fork and knife': 'fork and knife; cutlery',
    'snow-capped mountain': 'mountain; snowy mountain; mountain peak', 'mount fuji': 'mount fuji', 'beach with umbrella': 'beach; beach with an umbrella', 'desert island': 'island; desert island; tropical island', 'classical building': 'temple; greek temple; classical building', 'house': 'house; home; cottage', 'Japanese castle': 'japanese castle', 'castle': 'castle; fortress; palace',
    'Tokyo tower': 'tokyo tower; eiffel tower', 'Statue of Liberty': 'statue of liberty', 'shinto shrine': 'shrine; torii gate', 'cityscape': 'city; cityscape; skyline', 'carousel horse': 'carousel horse', 'ferris wheel': 'ferris wheel; big wheel', 'circus tent': 'circus tent; circus', 'locomotive': 'steam train; steam engine; locomotive; train', 'bus': 'bus; school bus',
    'fire engine': 'fire truck; fire engine', 'oncoming taxi': 'taxi; cab; yellow cab', 'automobile': 'car; automobile; red car', 'pickup truck': 'pickup truck; pickup', 'delivery truck': 'truck; delivery truck; lorry', 'racing car': 'race car; racing car; sports car; formula one car', 'motorcycle': 'motorcycle; motorbike', 'motor scooter': 'moped; motor scooter; vespa', 'bicycle': 'bicycle; bike; cycle',
    'kick scooter': 'scooter; kick scooter', 'roller skate': 'roller skate; rollerskates', 'fuel pump': 'gas pump; petrol pump', 'police car light': 'siren; police light', 'vertical traffic light': 'traffic light', 'ring buoy': 'lifebuoy; life ring', 'sailboat': 'sailboat; sailing boat; boat; yacht', 'canoe': 'canoe; kayak', 'ship': 'ship; cruise ship; ocean liner', 'airplane': 'airplane; plane; aeroplane; jet; aircraft',
    'helicopter': 'helicopter; chopper', 'flying saucer': 'ufo; flying saucer; alien spaceship', 'rocket': 'rocket; spaceship; space rocket; rocket ship', 'luggage': 'suitcase; luggage', 'hourglass done': 'hourglass; sand timer', 'watch': 'wristwatch; watch', 'mantelpiece clock': 'clock; mantelpiece clock', 'full moon': 'full moon', 'crescent moon': 'moon; crescent moon; half moon',
    'sun': 'sun; sunshine', 'ringed planet': 'planet; saturn; ringed planet', 'star': 'star; yellow star', 'cloud': 'cloud', 'sun behind cloud': 'sun behind a cloud; cloudy weather', 'cloud with rain': 'rain cloud; rain', 'cloud with snow': 'snow cloud', 'cloud with lightning': 'thunderstorm; storm cloud', 'tornado': 'tornado; twister; whirlwind', 'high voltage': 'lightning; lightning bolt; thunderbolt', 'snowflake': 'snowflake',
    'snowman': 'snowman', 'fire': 'fire; flame; campfire', 'droplet': 'water drop; droplet; drop of water', 'water wave': 'wave; ocean wave; sea wave', 'jack-o-lantern': 'jack-o-lantern; pumpkin; halloween pumpkin', 'Christmas tree': 'christmas tree; xmas tree', 'firecracker': 'firecracker; dynamite', 'balloon': 'balloon; red balloon', 'party popper': 'party popper; confetti', 'wrapped gift': 'gift; present; birthday present; wrapped gift', 'ribbon': 'bow; ribbon; pink bow',
    '1st place medal': 'gold medal; medal; first place medal', 'trophy': 'trophy; gold cup', 'soccer ball': 'soccer ball; football', 'american football': 'american football', 'tennis': 'tennis ball; tennis racket; tennis', 'flying disc': 'frisbee; flying disc', 'bowling': 'bowling ball; bowling pins', 'ping pong': 'ping pong paddle; table tennis', 'boxing glove': 'boxing glove', 'martial arts uniform': 'karate suit; judo suit', 'flag in hole': 'golf flag; golf hole', 'ice skate': 'ice skate; ice skates',
    'diving mask': 'diving mask; snorkel', 'skis': 'skis; ski', 'sled': 'sled; sledge', 'bullseye': 'target; bullseye; dartboard; dart', 'water pistol': 'water pistol; water gun; squirt gun', 'pool 8 ball': 'eight ball; pool ball; billiard ball', 'magic wand': 'magic wand; wand', 'video game': 'game controller; video game; gamepad', 'game die': 'dice; die', 'puzzle piece': 'puzzle piece; jigsaw', 'teddy bear': 'teddy bear; stuffed bear; plush bear',
    'mirror ball': 'disco ball; mirror ball', 'nesting dolls': 'matryoshka; russian doll; nesting dolls', 'chess pawn': 'chess pawn; pawn', 'performing arts': 'theatre masks; drama masks', 'framed picture': 'painting; picture frame; framed picture', 'artist palette': 'paint palette; palette', 'thread': 'spool of thread; thread', 'yarn': 'ball of yarn; yarn; wool', 'glasses': 'glasses; spectacles; eyeglasses', 'necktie': 't-shirt with a tie; necktie', 't-shirt': 't-shirt; tshirt; tee shirt; shirt', 'jeans': 'jeans; trousers; pants',
    'running shoe': 'sneaker; shoe; running shoe; trainer', 'hiking boot': 'boot; hiking boot', 'high-heeled shoe': 'high heel; high-heeled shoe; stiletto', 'woman’s boot': 'brown boot; long boot', 'woman’s hat': 'sun hat; straw hat; lady hat', 'top hat': 'top hat; magician hat', 'graduation cap': 'graduation cap; graduation hat', 'billed cap': 'cap; baseball cap', 'rescue worker’s helmet': 'helmet; hard hat; safety helmet', 'ring': 'ring; diamond ring; wedding ring; engagement ring', 'gem stone': 'diamond; gem; jewel', 'megaphone': 'megaphone',
    'musical note': 'music note; musical note', 'headphone': 'headphones; headphone', 'musical keyboard': 'piano; musical keyboard; piano keys', 'drum': 'drum; snare drum', 'mobile phone': 'phone; smartphone; mobile phone; cell phone', 'telephone': 'old telephone; telephone; landline', 'laptop': 'laptop; notebook computer', 'desktop computer': 'computer; desktop computer; pc', 'computer mouse': 'computer mouse', 'floppy disk': 'floppy disk; diskette', 'optical disk': 'cd; compact disc; optical disk', 'movie camera': 'movie camera; film camera', 'clapper board': 'clapperboard; movie clapper',
    'television': 'television; tv; tv set', 'magnifying glass tilted left': 'magnifying glass; magnifier', 'light bulb': 'light bulb; lightbulb; idea', 'flashlight': 'flashlight; torch', 'closed book': 'book; red book', 'books': 'stack of books; books; pile of books', 'coin': 'coin; gold coin', 'money bag': 'money bag; bag of money', 'dollar banknote': 'dollar bill; money; banknote; dollars', 'credit card': 'credit card', 'envelope': 'envelope; letter; mail', 'package': 'package; parcel; cardboard box; box', 'closed mailbox with raised flag': 'mailbox',
    'bar chart': 'bar chart', 'file folder': 'folder; file folder', 'pushpin': 'pushpin; thumbtack', 'triangular ruler': 'ruler; set square', 'wastebasket': 'trash can; wastebasket; bin', 'locked': 'lock; padlock', 'dagger': 'dagger; dagger knife', 'crossed swords': 'swords; crossed swords; sword', 'bow and arrow': 'bow and arrow; archery bow', 'nut and bolt': 'nut and bolt; bolt', 'gear': 'gear; cog; cogwheel', 'balance scale': 'scales; balance scale', 'test tube': 'test tube', 'dna': 'dna; double helix', 'couch and lamp': 'couch; sofa; couch and lamp',
    'grinning face': 'smiley; happy face; grinning face; smiley face', 'face with tears of joy': 'laughing face; face with tears of joy', 'slightly smiling face': 'smile; slightly smiling face', 'smiling face with halo': 'angel face; smiling face with a halo', 'smiling face with heart-eyes': 'face in love; smiling face with heart eyes', 'star-struck': 'face with star eyes; star-struck face', 'face blowing a kiss': 'kissing face; face blowing a kiss', 'thinking face': 'thinking face', 'sleeping face': 'sleeping face; sleepy face', 'frowning face': 'sad face; frowning face; unhappy face',
    'cowboy hat face': 'cowboy; cowboy face', 'smiling face with sunglasses': 'cool face; face with sunglasses', 'nerd face': 'nerd; nerd face', 'loudly crying face': 'sobbing face; loudly crying face', 'face screaming in fear': 'screaming face; scared face; shocked face', 'angry face': 'angry face; mad face', 'enraged face': 'furious face; red angry face', 'smiling face with horns': 'devil; purple devil; demon', 'skull and crossbones': 'skull and crossbones', 'pile of poo': 'poop; pile of poo; poo', 'clown face': 'clown; clown face',
    'ogre': 'ogre; red ogre; oni mask', 'goblin': 'goblin; red goblin; tengu', 'alien': 'alien; extraterrestrial', 'alien monster': 'space invader; monster; alien monster', 'robot': 'robot; robot face', 'red heart': 'heart; red heart; love', 'love letter': 'love letter', 'heart with arrow': 'heart with an arrow', 'heart with ribbon': 'heart with a ribbon', 'hundred points': 'hundred; one hundred; hundred points', 'collision': 'explosion; collision; boom', 'dizzy': 'dizzy star', 'kiss mark': 'kiss; lips; lipstick kiss',
    'flexed biceps': 'strong arm; biceps; muscle', 'mage': 'wizard; mage; sorcerer', 'cook': 'chef; cook', 'police officer': 'police officer; policeman; cop', 'Santa Claus': 'santa claus; santa; father christmas', 'princess': 'princess; queen', 'woman dancing': 'dancer; dancing woman', 'person surfing': 'surfer; surfing', 'globe showing Americas': 'earth; globe; planet earth; world', 'world map': 'world map; map', 'chequered flag': 'checkered flag; racing flag', 'check mark button': 'check mark; green check', 'cross mark': 'red cross; cross mark', 'red question mark': 'question mark', 'red exclamation mark': 'exclamation mark',
    'right arrow': 'arrow; right arrow', 'moai': 'moai; easter island statue; stone head', 'placard': 'sign; placard', 'headstone': 'gravestone; tombstone; headstone', 'deciduous tree': 'tree; leafy tree; oak tree', 'evergreen tree': 'pine tree; fir tree; evergreen tree', 'palm tree': 'palm tree', 'rosette': 'rosette', 'blossom': 'flower; yellow flower; blossom', 'cherry blossom': 'cherry blossom; pink flower', 'potted plant': 'potted plant; houseplant; plant', 'sheaf of rice': 'wheat; sheaf of rice', 'maple leaf': 'maple leaf; autumn leaf', 'mushroom': 'mushroom; toadstool', 'herb': 'herb; leaf; green leaf',
    'spiral shell': 'shell; seashell', 'coral': 'coral', 'tropical fish': 'tropical fish; clownfish', 'blowfish': 'blowfish; pufferfish', 'bouquet': 'bouquet; bunch of flowers', 'man': 'man; guy', 'woman': 'woman; lady', 'old man': 'old man; grandfather; grandpa', 'old woman': 'old woman; grandmother; grandma', 'lotus': 'lotus; water lily', 'bullet train': 'bullet train; fast train', 'maracas': 'maracas; maraca', 'volleyball': 'volleyball', 'green apple': 'green apple', 'water buffalo': 'water buffalo', 'bellhop bell': 'bell', 'syringe': 'syringe; injection', 'pill': 'pill; medicine', 'crown': 'crown; gold crown', 'scissors': 'scissors; pair of scissors',
    'eagle': 'eagle; hawk', 'crocodile': 'crocodile; alligator', 'hippopotamus': 'hippo; hippopotamus', 'rhinoceros': 'rhino; rhinoceros', 'radioactive': 'radioactive sign', 'no entry': 'no entry sign', 'lacrosse': 'lacrosse', 'kimono': 'kimono', 'stadium': 'stadium', 'bikini': 'bikini', 'satellite': 'satellite', 'phoenix': 'phoenix; firebird', 'feather': 'feather', 'backpack': 'backpack; rucksack', 'handbag': 'handbag', 'purse': 'purse', 'door': 'door', 'window': 'window', 'bed': 'bed', 'chair': 'chair', 'toilet': 'toilet', 'bathtub': 'bathtub; bath', 'key': 'key', 'bomb': 'bomb',
    'snowboarder': 'snowboarder', 'genie': 'genie', 'stop sign': 'stop sign', 'warning': 'warning sign', 'rainbow flag': 'rainbow flag; pride flag', 'nest with eggs': 'nest; nest with eggs', 'carrot': 'carrot', 'umbrella': 'umbrella', 'curling stone': 'curling stone', 'volcano': 'volcano', 'sunset': 'sunset', 'glass': 'glass', 'identification card': 'id card', 'paw prints': 'paw prints; paw print',
}

# Nouns that take no article in a caption.
BARE = {'cherries', 'grapes', 'blueberries', 'peanuts', 'olives', 'peas', 'fries', 'french fries', 'chips', 'jeans', 'trousers', 'pants', 'glasses', 'spectacles', 'eyeglasses',
        'sunglasses', 'goggles', 'headphones', 'scissors', 'socks', 'gloves', 'shorts', 'skis', 'footprints', 'paw prints', 'eyes', 'clapping hands', 'books', 'fireworks', 'sparkles',
        'cheese', 'bread', 'bacon', 'butter', 'salt', 'popcorn', 'sushi', 'spaghetti', 'pasta', 'ramen', 'noodles', 'soup', 'paella', 'honey', 'chocolate', 'candy', 'milk', 'coffee', 'tea',
        'wine', 'red wine', 'beer', 'champagne', 'bubble tea', 'boba', 'ice', 'ice cream', 'wheat', 'lettuce', 'cabbage', 'corn', 'maize', 'garlic', 'broccoli', 'coral', 'fire', 'rain', 'lightning', 'dna',
        'money', 'dollars', 'mail', 'wool', 'yarn', 'thread', 'soap', 'meat', 'toast', 'santa claus', 'santa', 'father christmas', 'mount fuji', 'pancakes', 'dice', 'bowling pins', 'swords', 'crossed swords', 'scales', 'love', 'confetti', 'cutlery'}


@dataclass(frozen=True)
class Concept:
    index: int
    name: str
    icon: str
    emoji: str
    group: str
    subgroup: str
    phrases: tuple[str, ...]  # the first is `name`; each belongs to this concept alone


def with_article(phrase: str) -> str:
    if phrase in BARE or phrase.endswith(' hands'):
        return phrase
    return ('an ' if phrase[0] in 'aeiou' and not phrase.startswith(('one', 'eu', 'un', 'ufo')) or phrase.startswith(('hourglass', 'x-ray')) else 'a ') + phrase


def _plain(text: str) -> str:
    return re.sub(r'\s+', ' ', text.lower().replace('’', "'").replace('_', ' ')).strip()


def load_concepts() -> list[Concept]:
    """The concepts in a fixed order (emoji order), read from the art packages."""
    entries = json.loads((paths.ART / 'emojibase-data/en/data.json').read_text())
    groups = json.loads((paths.ART / 'emojibase-data/meta/groups.json').read_text())
    icons = json.loads((paths.ART / '@iconify-json/fluent-emoji-flat/icons.json').read_text())['icons']
    chars = {k.upper(): v for k, v in json.loads((paths.ART / '@iconify-json/fluent-emoji-flat/chars.json').read_text()).items()}
    dropped = {sub: {_plain(x) for x in text.split(';')} for sub, text in SUBGROUPS.items()}
    chosen = {_plain(x) for x in CHOSEN.split(';')}
    rows = []
    for entry in sorted((e for e in entries if 'group' in e), key=lambda e: e['order']):
        sub = groups['subgroups'][str(entry['subgroup'])]
        label = _plain(entry['label'])
        if not (label in chosen or (sub in dropped and label not in dropped[sub])):
            continue
        code = entry['hexcode'].upper()
        icon = chars.get(code) or chars.get(code.replace('-FE0F', ''))
        if icon in icons:
            rows.append((entry, sub, groups['groups'][str(entry['group'])], label, icon))
    names = {_plain(k): [_plain(x) for x in v.split(';')] for k, v in NAMES.items()}
    wanted = [names.get(label, [label]) for _, _, _, label, _ in rows]
    claimed = {p for phrases in wanted for p in phrases}
    seen, concepts = set(), []
    for (entry, sub, group, label, icon), phrases in zip(rows, wanted):
        unique = [p for p in phrases if p not in seen]
        if not unique:
            continue
        if label not in unique and label not in claimed and ':' not in label:
            unique.append(label)
        seen.update(unique)
        concepts.append(Concept(len(concepts), unique[0], icon, entry['emoji'], group, sub, tuple(dict.fromkeys(unique))))
    return concepts
