//! The most common words of each language: evidence for language detection, and stop words for topics and
//! keywords.
//!
//! Chosen for chats and calls, so greetings and courtesies are included. The fewer languages share a word,
//! the more it counts for each.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::language::Language::{self, *};
use crate::tokens::Tokens;

/// What is known about one common word.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WordInfo {
    /// Bit `n` is set when the word is common in the language with index `n`.
    pub(crate) languages: u64,
    /// Common in English conversations of every kind: never a keyword, but it may point to a topic.
    generic: bool,
}

impl WordInfo {
    /// Whether the word is common in any language.
    pub(crate) fn is_common(self) -> bool {
        self.languages != 0
    }

    /// Whether the word is common in `language`, or in English, which people mix into every language.
    pub(crate) fn is_stop_word(self, language: Language) -> bool {
        self.languages & (1 << language as u64 | 1 << English as u64) != 0
    }

    /// Whether the word cannot be part of a key phrase in a text of `language`.
    pub(crate) fn is_filler(self, language: Language) -> bool {
        self.generic || self.is_stop_word(language)
    }
}

/// A map keyed by hashes that are already mixed.
pub(crate) type HashedMap<K, V> = HashMap<K, V, BuildHasherDefault<Prehashed>>;

/// A hasher for hashes that are already mixed: it passes them through.
#[derive(Clone, Copy, Default)]
pub(crate) struct Prehashed(u64);

impl Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u32(&mut self, value: u32) {
        // hashbrown takes its tags from the top bits and its buckets from the low bits.
        self.0 = u64::from(value) | u64::from(value) << 32;
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// The common words of every language in [`LISTS`], by hash.
pub(crate) fn word_table() -> HashedMap<u64, WordInfo> {
    let mut table: HashedMap<u64, WordInfo> = HashedMap::default();
    let mut tokens = Tokens::default();
    for (language, words) in LISTS {
        tokens.scan(words);
        for token in &tokens.tokens {
            table.entry(token.hash).or_default().languages |= 1 << *language as u64;
        }
    }
    tokens.scan(GENERIC);
    for token in &tokens.tokens {
        table.entry(token.hash).or_default().generic = true;
    }
    table
}

/// Neither stop words nor subjects: actions and requests in conversations of every kind.
#[rustfmt::skip]
const GENERIC: &str = "
    accept accepted add added adding afraid agree agreed ahead allow allows answer apply arrive arrives arriving ask available away back based beyond big bring buy buying
    call called calling calls care carry case change changed changing check checked checking choose chose click clicked close closed come complete completed connect connected consider contact contacting continue correct cost costs create
    date day days decide definitely depart departing departs detail details different directly done door double early easily either end ended ends enjoy enough enter entered exactly expect expensive extra extremely
    far fast feed feel fill filled fit follow following forward found free friend friends full fully half happen happened happening happens hear heard help helpful hold home hope hopefully hoping hour hours idea important include included includes including info information inform instead interested interesting issue issues
    job join kinda large late latest leave leaves leaving left let line list listen live located location long look lost lower main matter mention mentioned middle mind miss missing monday tuesday wednesday thursday friday saturday sunday
    january february march april june july august september october november december month months name named names near nearby necessary new night normal note nothing number numbers offer offering offers old online open opened option options otherwise outside
    part parts past pay people perform person pick place places planning point possible prefer preferable preferred pretty price problem problems proceed process provided pull purchase purposes quick quickly read ready real reasonable receive received recently recommend reply report request required response rest return right run
    schedule scheduled search searching second seconds select selected sell selling send sending sent serious set several share short shortly side sign similar simple simply since single sit small somewhere sound sounds speak speaking specific specifically spell spend stand start started starting starts state stay staying step steps stop street submit sure support surely surprised
    talk talking thing till time times total town travel trip trouble true trying turn type types unable update updated usual usually various verify visit visiting waiting walk warm waste watch way week weekend weeks welcome whenever wish wonder wondering word work worked working works world worried worry worth write wrong year years yet young zip
    am pm etc via per plus regarding suitable towards total appreciated address addresses email mail phone id ssn code codes digits rating user username password
    hai hii haii heya helo thanx thnx plz pls ur u r ok okey ya yea yeh hmm hmmm mam bro dude buddy mate gotcha yup nah fifty twenty thirty hundred thousand million dollars dollar usd
    feeling fan super huge star stars certain particular particularly applied depending rated higher additional amount percent chance cuz successfully
    cheap moderately moderate priced ones based exact gonna unfortunately confirmed confirming confirmation booked booking book reserve reserved reserving made
";

#[rustfmt::skip]
const LISTS: &[(Language, &str)] = &[
    (English, "
        a an the this that these those i me my mine myself we us our ours you your yours he him his she her hers it its they them their theirs
        who whom whose which what where when why how am is are was were be been being do does did done doing have has had having will would shall should
        can could may might must im ive id ill youre youve youd youll hes shes its were weve wed theyre theyve theyll thats theres heres whats wheres hows lets
        dont doesnt didnt isnt arent wasnt werent havent hasnt hadnt wont wouldnt cant cannot couldnt shouldnt mustnt aint
        and or but if then than so because as until while of at by for with about against between into through during before after above below
        to from up down in out on off over under again further once here there all any both each every few more most other some such no nor not only own same too very
        just also even still yet ever never always often sometimes already almost quite rather really actually maybe perhaps probably however though although
        please thank thanks thankyou hello hi hey bye goodbye yes yeah yep yup nope ok okay sure alright welcome sorry pardon excuse
        good great fine nice perfect wonderful awesome excellent lovely cool glad happy morning afternoon evening
        want wanted wants need needs needed like liked likes get gets got getting go goes going gone went come comes came coming make makes made making
        take takes took taken taking give gives gave given giving know knows knew known see sees saw seen look looks looked looking let
        think thinks thought say says said saying tell tells told ask asks asked asking try tries tried trying find finds found finding
        help helps helped helping assist assists assisted assistance use used using keep keeps kept put show shows showed seem seems
        anything something nothing everything anyone someone everyone one ones thing things way lot lots bit kind sort stuff
        much many little less least well better best right left now today tomorrow tonight yesterday soon later ago next last first second
        moment minute minutes wait waiting sir madam maam guys mr mrs ms dr else able unable ready able etc ah oh um uh uhm hmm hm er wow haha lol
        wanna gonna gotta kindly could would let confirm provide appreciate understand mean means able around two three four five six seven eight nine ten
    "),
    (German, "
        der die das den dem des ein eine einen einem einer eines kein keine keinen keinem ich mich mir du dich dir er ihn ihm sie ihr ihnen es wir uns euch man
        mein meine meinen meinem meiner dein deine sein seine seinen unser unsere ihre ihren ihrem ihrer dieser diese dieses diesen diesem jeder jede jedes alle alles
        wer wen wem was wo wann warum wie welche welcher welches welchen wieso woher wohin ist sind bin bist war waren wäre wären gewesen seid
        habe hast hat haben hatte hatten hätte hätten gehabt werde wird werden wurde wurden würde würden worden kann kannst können könnte könnten konnte
        muss müssen musste soll sollen sollte will wollen wollte möchte möchten mag darf dürfen dürfte lassen gibt geben gehen geht machen macht gemacht kommen kommt
        und oder aber wenn dann denn weil dass daß ob als auch noch schon nur nicht nichts nie immer sehr so zu zum zur vom von mit ohne für gegen um an am auf aus bei beim
        bis durch hinter in im ins nach neben seit über unter vor während wegen zwischen hier dort da jetzt heute morgen gestern bald wieder mehr weniger viel viele
        ja nein doch mal bitte danke vielen dank hallo guten tag abend moin tschüss gern gerne gut okay ok etwas jemand niemand leider eben eigentlich vielleicht natürlich
        brauche brauchen suche suchen finde finden helfen hilfe weiß wissen sagen sagt sehen herr frau ihnen also einfach genau klar wirklich zwei drei vier
    "),
    (French, "
        le la les l un une des du de d au aux ce cet cette ces c ça cela je j tu il elle on nous vous ils elles me m te t se s lui leur leurs y en
        mon ma mes ton ta tes son sa ses notre nos votre vos qui que qu quoi dont où quand comment pourquoi quel quelle quels quelles
        est suis es sommes êtes sont était étais étaient être été sera serait ai as a avons avez ont avais avait avoir eu aurait aurais
        fait faire faites vais va allez aller peux peut pouvez pouvons pouvoir pourrais pourriez pourrait veux veut voulez voudrais voudrait vouloir dois doit devez devoir faut
        et ou mais si donc car ni parce comme alors aussi bien très trop plus moins peu beaucoup pas ne n jamais rien toujours encore déjà ici là
        dans par pour sur sous avec sans chez entre vers depuis pendant avant après contre jusqu près
        oui non merci bonjour bonsoir salut revoir svp plaît plait s'il vous d'accord désolé désolée ok okay bonne bon journée monsieur madame
        tout tous toute toutes autre autres même mêmes quelque quelques chaque certains besoin cherche chercher trouver aide aider savoir sais sait dire dites voir
        aujourd'hui demain hier maintenant deux trois quatre c'est j'ai n'est qu'il d'un d'une quelqu'un quelque chose voilà voici ceci laissez
    "),
    (Spanish, "
        el la los las un una unos unas lo al del de a ante con contra desde en entre hacia hasta para por según sin sobre tras
        yo tú tu él ella usted nosotros nosotras ustedes ellos ellas me te se nos le les mi mis su sus nuestro nuestra nuestros este esta estos estas ese esa eso esto aquel
        que qué quien quién cual cuál cuando cuándo donde dónde como cómo cuánto cuánta cuántos por porque pues
        es soy eres somos son era eran fue fueron ser sido sea está estoy están estamos estaba estar he has ha hemos han había haber hay
        tengo tiene tienes tenemos tienen tener tenía puedo puede puedes podemos pueden poder podría podrían quiero quiere quieres queremos querer quisiera gustaría
        hacer hago hace hizo hecho voy va vas van ir vamos debo debe deben necesito necesita necesitamos busco buscar saber sé sabe decir dice ver
        y e o u pero si sí no ni también tampoco muy más menos mucho mucha muchos muchas poco poca todo toda todos todas otro otra otros otras algo alguien nada nadie
        ya aún todavía siempre nunca ahora hoy mañana ayer aquí ahí allí bien bueno buena buenos buenas días tardes noches
        gracias hola adiós favor por disculpe perdón claro vale ok señor señora ayuda ayudar ayudarme dos tres cuatro mismo misma
    "),
    (Italian, "
        il lo la i gli le l un uno una di a da in con su per tra fra del dello della dei degli delle dell al allo alla ai agli alle all dal dallo dalla dai dalle dall
        nel nello nella nei nelle nell sul sullo sulla sui sulle sull io tu lui lei noi voi loro mi ti si ci vi me te ne lo
        mio mia miei mie tuo tua suo sua suoi nostro nostra vostro vostra questo questa questi queste quest quello quella quelli quel quell
        che chi cosa cui quale quali quando dove dov come com perché perchè quanto quanta quanti
        è sono sei siamo siete era erano essere stato stata stati sia sarebbe ho hai ha abbiamo avete hanno aveva avere avuto vorrei vorrebbe voglio vuole volere
        posso può puoi possiamo potete possono potrebbe potrei potresti devo deve dobbiamo faccio fa fare fatto vado va andare c'è ci sono
        e ed o ma se sì si no non né anche ancora già mai sempre molto molta molti molte più meno poco tutto tutta tutti tutte altro altra altri altre qualcosa nulla niente
        poi qui qua lì là ora oggi domani ieri bene buono buona buon giorno sera
        grazie ciao salve buongiorno buonasera arrivederci prego per favore scusi scusa mi dispiace ok va bene certo signore signora cerco cercare trovare sapere so aiuto
        bisogno piacerebbe c d s anch sto stai sta stiamo allora quindi però oppure due tre quattro
    "),
    (Portuguese, "
        o a os as um uma uns umas de do da dos das em no na nos nas num numa ao à aos às pelo pela pelos pelas por para pra com sem sob sobre entre até desde
        eu tu ele ela você vocês nós eles elas me te se lhe lhes meu minha meus minhas teu tua seu sua seus suas nosso nossa este esta isto esse essa isso aquele aquela aquilo
        que quem qual quais quando onde como porque porquê quanto quantos é sou és somos são era eram foi foram ser sido está estou estão estava estar estamos
        tenho tem têm tinha ter temos há havia posso pode podem podemos poder poderia quero quer queremos queria gostaria gostava preciso precisa fazer faço faz fez feito vou vai vamos ir
        e ou mas se sim não nem também muito muita muitos muitas mais menos pouco todo toda todos todas outro outra outros outras algo alguém nada ninguém
        já ainda sempre nunca agora hoje amanhã ontem aqui ali lá bem bom boa dia tarde noite
        obrigado obrigada olá oi tchau adeus favor desculpe desculpa ok certo senhor senhora ajuda ajudar saber sei dizer ver dois duas três
    "),
    (Dutch, "
        de het een der van in op aan met voor door bij uit naar over om tot tegen onder tussen zonder ik je jij u hij zij ze wij we jullie mij me hem haar hun ons onze
        mijn jouw uw zijn dit dat deze die wie wat waar wanneer waarom hoe welke is ben bent was waren geweest heb hebt heeft hebben had hadden gehad
        word wordt worden werd kan kunt kunnen kon zou zouden zal zullen moet moeten mag mogen wil wilt willen wilde ga gaat gaan doe doet doen gedaan maken
        en of maar want omdat als dan dus ook nog al niet geen niets nooit altijd zeer heel erg veel meer minder weinig alle alles iets iemand niemand andere
        ja nee graag bedankt dank alstublieft alsjeblieft hallo hoi goedemorgen goedemiddag dag doei goed prima oké ok sorry even hier daar nu vandaag morgen gisteren er
        zoek zoeken vinden weten weet zeggen zien helpen hulp nodig meneer mevrouw twee drie
    "),
    (Swedish, "
        och att det som en ett på är av för med till den inte har jag du han hon vi ni de dem mig dig honom henne oss er min mitt mina din ditt dina sin sitt sina vår vårt våra
        om men så när var vad vem hur varför vilken vilket vilka från kan kunde ska skulle vill ville måste får fick finns hade ha vara varit blir blev bli gör göra gjort
        eller också bara redan aldrig alltid mycket mer mindre lite många alla allt något någon några ingen inget inga här där nu idag imorgon igår
        ja nej tack hej hejdå snälla gärna bra okej ok ursäkta hjälp hjälpa behöver letar efter under över mellan utan vid genom mot sedan denna detta dessa
    "),
    (Danish, "
        og i at det som en et på er af for med til den ikke har jeg du han hun vi I de dem mig dig ham hende os jer min mit mine din dit dine sin sit vores
        om men så når hvor hvad hvem hvordan hvorfor hvilken hvilket fra kan kunne skal skulle vil ville må måtte får fik findes havde have være været bliver blev blive gør gøre gjort
        eller også kun allerede aldrig altid meget mere mindre lidt mange alle alt noget nogen nogle ingen her der nu dag morgen går
        ja nej tak hej farvel venligst gerne godt okay undskyld hjælp hjælpe brug leder efter under over mellem uden ved gennem mod siden denne dette disse
    "),
    (Norwegian, "
        og i at det som en et ei på er av for med til den ikke har jeg du han hun vi dere de dem meg deg ham henne oss min mitt mine din ditt dine sin sitt vår vårt våre
        om men så når hvor hva hvem hvordan hvorfor hvilken hvilket fra kan kunne skal skulle vil ville må måtte får fikk finnes hadde ha være vært blir ble bli gjør gjøre gjort
        eller også bare allerede aldri alltid mye mer mindre litt mange alle alt noe noen ingen her der nå dag morgen går
        ja nei takk hei vennligst gjerne bra greit unnskyld hjelp hjelpe trenger leter etter under over mellom uten ved gjennom mot siden denne dette disse
    "),
    (Finnish, "
        ja on ei se hän minä sinä me te he että oli ovat olla olen olet olemme olette ollut mutta tai kun jos niin kuin myös vain nyt jo vielä aina koskaan
        mikä mitä missä milloin miksi miten kuka joka jotka tämä tuo nämä ne sen sitä minun sinun hänen meidän teidän heidän minulle minua sinua
        voi voin voitte voisin voisiko voisitteko haluan haluaisin pitää täytyy saa saan tarvitsen etsin en et emme ette eivät ole olisi
        kiitos hei moi terve kyllä joo anteeksi hyvää päivää hyvä paljon vähän kaikki jotain jotakin täällä siellä tänään huomenna eilen kanssa ennen jälkeen
    "),
    (Polish, "
        i w na z ze do od dla o u po za pod nad przez przy bez nie się jest są być był była było były będzie będę mam masz ma mamy macie mają miał
        to ten ta te tego tej tym tych ja ty on ona ono my wy oni mnie mi ciebie ci jego jej ich nam nas wam was mój moja moje moją mojego twój swój nasz wasz
        co kto gdzie kiedy jak dlaczego czy który która które ile jaki jaka jakie mogę może możesz możecie można chcę chciałbym chciałabym proszę potrzebuję szukam muszę
        a ale lub albo więc bo że żeby jeśli gdy też także tylko już jeszcze bardzo więcej mniej dużo mało wszystko wszystkie coś ktoś nic nikt
        tak dziękuję dzięki dzień dobry witam cześć przepraszam dobrze tutaj tu tam teraz dziś dzisiaj jutro wczoraj pan pani panie pomoc pomóc
    "),
    (Czech, "
        a v na se z do od pro o u po za pod nad přes při bez ne je jsou být byl byla bylo byly bude budu jsem jsi jsme jste mám máš má máme máte mají
        to ten ta ty tento tato toto toho tom já on ona ono my vy oni mě mi mne tebe ti jeho její jejich nám nás vám vás můj moje moji tvůj svůj náš váš
        co kdo kde kdy jak proč který která které kolik jaký mohu můžu může můžete chci chtěl chtěla bych prosím potřebuji potřebuju hledám musím
        ale nebo tedy protože že aby když jestli také jen už ještě velmi více méně hodně málo všechno všechny něco někdo nic nikdo
        ano děkuji díky dobrý den ahoj promiňte dobře tady tam teď dnes zítra včera pane paní pomoc pomoci
    "),
    (Hungarian, "
        a az egy és hogy nem is van volt vannak lesz lenne én te ő mi ti ők ez azt ezt ezek azok engem nekem neked neki nekünk önnek önök ön
        ki mit mi hol mikor miért hogyan hogy melyik mennyi kell kellene tudok tud tudja tudna lehet szeretnék szeretném akarok kérem kérek keresek szükségem
        de vagy ha mert akkor csak már még mindig soha nagyon több kevés sok minden valami valaki semmi senki igen köszönöm köszi szia jó napot elnézést itt ott most ma holnap tegnap
    "),
    (Romanian, "
        și si în la cu de din pe pentru prin fără sub peste între un o unei unui este e sunt suntem sunteți era fi fost va voi vor am ai are avem aveți au
        eu tu el ea noi voi ei ele mă mie îmi ți îți vă le lui lor meu mea mei mele tău ta său sa nostru vostru acest această acesta aceasta acel
        ce cine unde când cum de care cât pot poate puteți putem vreau vrea doresc aș ar trebuie nevoie caut
        și sau dar dacă că să nu mai foarte mult puțin tot toate ceva cineva nimic da mulțumesc bună ziua salut vă rog scuze bine aici acolo acum azi mâine ieri doar
    "),
    (Turkish, "
        bir ve bu şu o da de için ile ama veya ya gibi kadar daha çok az en değil var yok mı mi mu mü ne nasıl neden nerede ne zaman kim hangi kaç
        ben sen biz siz onlar beni bana benim seni sana senin bize sizin size onun onu var mı olan olarak oldu olur olabilir
        istiyorum istiyoruz istiyor isterim lazım gerekiyor lütfen teşekkürler teşekkür ederim merhaba selam evet hayır tamam tabi tabii peki pardon iyi günler yardım
        burada orada şimdi bugün yarın dün her hiç bazı bütün şey sonra önce çünkü eğer sadece artık hala
    "),
    (Indonesian, "
        yang dan di ke dari untuk dengan pada adalah ini itu saya aku anda kamu dia kami kita mereka tidak bukan belum sudah akan telah sedang bisa dapat harus ingin mau
        apa siapa mana dimana kapan mengapa kenapa bagaimana berapa ada atau tetapi tapi jika kalau karena juga hanya lagi masih sangat lebih kurang banyak sedikit semua
        ya tolong terima kasih halo selamat pagi siang malam maaf baik silakan mohon sini sana sekarang besok kemarin nya bantu butuh cari
    "),
    (Vietnamese, "
        là của và có không được cho tôi bạn anh chị em chúng ta họ này đó một các những trong với để khi thì mà như nhưng hoặc nếu vì nên cũng đã đang sẽ rất
        gì nào đâu ai sao bao nhiêu thế muốn cần xin chào cảm ơn vâng dạ ạ vui lòng giúp ở từ đến về ra vào lại nữa rồi chưa hôm nay ngày mai
    "),
    (HindiLatin, "
        hai hain hoon hun tha thi kya kaise kahan kyun kyu kab kaun mera meri mere mujhe mujhko main mein hum aap aapka aapke aapki tum woh yeh ye wo iska uska unka
        ka ki ke ko se par aur ya lekin magar nahi nahin haan ji kar karo karna karne raha rahi rahe hua hui gaya gayi diya liya chahiye sakta sakte sakti
        bhi abhi phir bahut thoda kuch sab koi apna apne apni accha theek thik namaste dhanyavaad shukriya kripya
    "),
    (Russian, "
        и в не на я что он она оно мы вы они с со а как это по но ты к у же за бы от о из ему для мне меня мной его её ее нас вас нам вам их им
        мой моя моё мое мои ваш ваша ваше ваши наш свой этот эта эти тот та те был была было были есть будет буду быть нет да или если то так уже ещё еще только
        кто где когда почему как какой какая какие сколько могу можно может можете хочу хотел хотела нужно нужен надо
        очень больше меньше много мало все всё ничего что-то спасибо пожалуйста здравствуйте привет добрый день до свидания хорошо извините здесь там сейчас сегодня завтра вчера при без чтобы
    "),
    (Ukrainian, "
        і й в у не на я що він вона воно ми ви вони з із зі а як це по але ти до ж за би від о для мені мене його її нас вас нам вам їх їм
        мій моя моє мої ваш ваша ваше ваші наш свій цей ця ці той та ті був була було були є буде буду бути немає ні так або якщо то вже ще тільки
        хто де коли чому який яка які скільки можу можна може можете хочу хотів хотіла потрібно треба
        дуже більше менше багато мало все всі нічого щось дякую будь ласка вітаю привіт добрий день побачення добре вибачте тут там зараз сьогодні завтра вчора без щоб
    "),
    (Bulgarian, "
        и в не на аз че той тя то ние вие те с със а как това по но ти към за би от о ми ме му я го ги ни ви им мен
        моя моят моята моето вашия ваш нашия този тази тези съм си е сме сте са беше бяха ще бъде има няма да или ако вече още само
        кой къде кога защо какъв каква какви колко мога може можете искам трябва нужно
        много повече малко всичко нищо нещо благодаря моля здравейте здравей добър ден довиждане добре извинете тук там сега днес утре вчера без при
    "),
    (Serbian, "
        и у не на ја да је он она оно ми ви они са а како ово по али ти за би од о ме мене мени га њега њој нас вас нам вам их им
        мој моја моје ваш ваша наш овај ова ово ови тај та то сам си смо сте су био била било били ће биће имам има нема или ако већ још само
        ко где када зашто који која које колико могу може можете желим треба
        веома више мање много мало све ништа нешто хвала молим здраво добар дан довиђења добро извините овде тамо сада данас сутра јуче без
    "),
    (Hindi, "
        है हैं हूँ हूं था थी थे का की के को से में पर और या लेकिन तो भी ही नहीं हाँ हां जी मैं मुझे मेरा मेरी मेरे हम आप आपका आपकी आपके आपको तुम वह वो यह ये इस उस इसका इसकी उसका
        क्या कैसे कहाँ कहां कब क्यों कौन कितना कितने किस जो कि कर करना करने करें करता रहा रही रहे हुआ हो होगा होगी गया गई दिया लिया चाहिए चाहता चाहते सकता सकते सकती
        एक कुछ सब कोई अपना अपने अपनी बहुत अब फिर अच्छा ठीक नमस्ते धन्यवाद शुक्रिया कृपया यहाँ यहां वहाँ वहां आज कल साथ लिए बाद पहले
    "),
    (Marathi, "
        आहे आहेत आहात होता होती होते आणि किंवा पण तर ही हा हे मी मला माझा माझी माझे आम्ही तुम्ही तुमचा तुमची तुमचे तुम्हाला तो ती ते त्या त्यांना या
        काय कसे कसा कुठे केव्हा का कोण किती नाही होय हो चा ची चे च्या ला ने नी मध्ये वर साठी करा करू शकता शकतो हवे हवा पाहिजे धन्यवाद नमस्कार कृपया खूप आता
    "),
    (Nepali, "
        छ छन् छैन हो होइन हुन् थियो र वा तर पनि नै म मलाई मेरो हामी तपाईं तपाईंको तपाईंलाई तिमी ऊ उनी यो त्यो यी ती को का की ले लाई मा बाट सँग लागि
        के कसरी कहाँ कहिले किन कति कुन गर्न गर्नुहोस् गर्छ भयो भएको सक्छ सक्नुहुन्छ चाहिन्छ धेरै धन्यवाद नमस्ते कृपया अहिले आज भोलि
    "),
    (Arabic, "
        في من على إلى الى عن مع هذا هذه ذلك تلك التي الذي هو هي هم نحن أنا انا أنت انت أنتم لا لم لن ما ماذا هل كيف أين اين متى لماذا كم أي
        و أو او ثم لكن إن أن ان كان كانت يكون قد كل بعض غير بعد قبل عند لي لك له لها أريد اريد أحتاج يمكن يمكنني يمكنك شكرا شكراً مرحبا السلام عليكم نعم من فضلك اليوم غدا الآن
    "),
    (Persian, "
        و در به از که این آن را با برای است هست هستم هستید نیست بود بودم شد شده شود می من تو او ما شما آنها یک هم یا اما اگر تا چه چی کجا کی چرا چطور چند
        کنم کنید کرد کرده کند خواهم میخواهم لطفا ممنون متشکرم مرسی سلام بله نه خیر خوب امروز فردا هر همه بعد قبل روی
    "),
    (Urdu, "
        ہے ہیں ہوں تھا تھی تھے کا کی کے کو سے میں پر اور یا لیکن تو بھی ہی نہیں ہاں جی مجھے میرا میری میرے ہم آپ آپکا تم وہ یہ اس کیا کیسے کہاں کب کیوں کون کتنا جو کہ
        کر کرنا کرنے رہا رہی رہے ہوا ہو گیا گئی دیا چاہیے سکتا سکتے ایک کچھ سب کوئی اپنا بہت اب شکریہ سلام براہ کرم
    "),
];
