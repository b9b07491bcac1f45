//! What people say when a conversation goes well or badly: thanks, success, failure, repetition, wanting a
//! person.
//!
//! A table of short phrases, matched word for word; CSAT and the summary read the cues of each message.

use crate::tokens::{Gap, Token, Tokens, combine};
use crate::words::HashedMap;

/// A set of [`Cue`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cues(u32);

/// One signal in a message about how the conversation is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Cue {
    /// "thank you".
    Thanks = 1,
    /// "bye", "have a nice day".
    Farewell = 1 << 1,
    /// "hello".
    Greeting = 1 << 2,
    /// "that worked", "perfect", "exactly what I needed".
    Success = 1 << 3,
    /// "still not working", "this is useless".
    Failure = 1 << 4,
    /// "I already told you", "as I said".
    Repetition = 1 << 5,
    /// "let me talk to a person", "your manager".
    WantsPerson = 1 << 6,
    /// "I'm afraid I can't", "I did not understand".
    Unable = 1 << 7,
    /// "has been booked", "is confirmed".
    Done = 1 << 8,
    /// "I will transfer you".
    HandsOver = 1 << 9,
    /// "that's all", "nothing else".
    NothingElse = 1 << 10,
    /// "how can I help", "anything else?": said by agents in every conversation.
    Courtesy = 1 << 11,
    /// Films, books, songs, news: feelings about these are not about the service.
    AboutWorks = 1 << 12,
    /// "yes", "sounds good", "that works for me".
    Agrees = 1 << 13,
    /// "no", "something else", "I don't want".
    Refuses = 1 << 14,
    /// "sorry", "my apologies": admits a fault if an agent says it.
    Sorry = 1 << 15,
    /// "but", "however".
    Objects = 1 << 16,
    /// "sorry to hear that": sympathy rather than an apology if an agent says it.
    Sympathy = 1 << 18,
    /// "so much", "really helpful", "lovely": more than courtesy requires.
    Warm = 1 << 17,
    /// "how about", "I found": a choice offered by an agent. If it "doesn't work" for the customer, nothing
    /// is broken.
    Offers = 1 << 19,
    /// "I don't care", "any will do": no complaint if it is an answer.
    Indifferent = 1 << 20,
    /// "unfortunately", "I'm afraid": bad news, neither an apology nor certainly a refusal.
    Regret = 1 << 21,
    /// "no", "not interested": turns down an offer, if it answers one.
    Declines = 1 << 22,
    /// "I need", "can you", "looking for": asks for something.
    Requests = 1 << 23,
}

impl Cues {
    /// Whether `cue` is in the set.
    pub(crate) fn has(self, cue: Cue) -> bool {
        self.0 & cue as u32 != 0
    }

    /// Whether any of `cues` is in the set.
    pub(crate) fn has_any(self, cues: &[Cue]) -> bool {
        cues.iter().any(|cue| self.has(*cue))
    }

    /// The set without `cue`.
    pub(crate) fn without(self, cue: Cue) -> Cues {
        Cues(self.0 & !(cue as u32))
    }

    /// Adds the cues of `other`.
    pub(crate) fn insert(&mut self, other: Cues) {
        self.0 |= other.0;
    }
}

/// Finds the table's phrases in a message.
#[derive(Clone, Debug)]
pub(crate) struct CueMatcher {
    /// Maps the hash of a phrase's first words to the cues of a phrase that ends there, and to whether longer
    /// ones continue.
    phrases: HashedMap<u64, (Cues, bool)>,
    /// Hashes of [`NOS`].
    nos: Vec<u64>,
    /// Hashes of [`DENIALS`].
    denials: Vec<u64>,
    /// Hashes of [`CONDITIONS`].
    conditions: Vec<u64>,
    /// Hashes of [`SUPPOSITIONS`].
    suppositions: Vec<u64>,
}

impl CueMatcher {
    pub(crate) fn new() -> Self {
        let mut phrases: HashedMap<u64, (Cues, bool)> = HashedMap::default();
        let mut tokens = Tokens::default();
        for (cue, list) in PHRASES {
            for phrase in list.split([',', '\n']) {
                tokens.scan(phrase.trim());
                let mut hash = 0;
                let count = tokens.tokens.len();
                for (n, token) in tokens.tokens.iter().enumerate() {
                    hash = combine(hash, token.hash);
                    let entry = phrases.entry(hash).or_default();
                    if n + 1 == count {
                        entry.0.insert(Cues(*cue as u32));
                    } else {
                        entry.1 = true;
                    }
                }
            }
        }
        let mut hashes = |words: &str| {
            tokens.scan(words);
            tokens.tokens.iter().map(|token| token.hash).collect()
        };
        CueMatcher {
            phrases,
            nos: hashes(NOS),
            denials: hashes(DENIALS),
            conditions: hashes(CONDITIONS),
            suppositions: hashes(SUPPOSITIONS),
        }
    }

    /// The cues of these tokens; a phrase does not cross the end of a sentence. Of nested phrases, only
    /// the longest counts: "no thanks" gives no thanks, and "not happy" is not happy. A "no" refuses only at
    /// the start of a sentence: "I have no preference" refuses nothing.
    pub(crate) fn find(&self, tokens: &[Token]) -> Cues {
        let mut found = Cues::default();
        let mut covered = 0; // the end of the phrases found so far
        for start in 0..tokens.len() {
            let mut hash = 0;
            let mut longest = (0, Cues::default());
            for (n, token) in tokens[start..].iter().enumerate() {
                if n > 0 && token.gap == Gap::Sentence {
                    break;
                }
                hash = combine(hash, token.hash);
                let Some((cues, longer)) = self.phrases.get(&hash) else { break };
                if *cues != Cues::default() {
                    longest = (start + n + 1, *cues);
                }
                if !longer {
                    break;
                }
            }
            let (end, cues) = longest;
            let is_mere_no = end == start + 1
                && tokens[start].gap != Gap::Sentence
                && self.nos.contains(&tokens[start].hash);
            if end > covered && !is_mere_no {
                // "The order hasn't been sent" is not done, nor is "unless the train is cancelled".
                let is_undone = cues.has(Cue::Done) && self.is_denied(tokens, start);
                let cues = if is_undone { cues.without(Cue::Done) } else { cues };
                // Nothing has failed in "if that doesn't work".
                let is_supposed =
                    cues.has(Cue::Failure) && self.has_before(tokens, start, &self.suppositions);
                found.insert(if is_supposed { cues.without(Cue::Failure) } else { cues });
                covered = end;
            }
        }
        found
    }

    /// Whether one of the two preceding words of the sentence is a negation, or any of them makes a condition.
    fn is_denied(&self, tokens: &[Token], start: usize) -> bool {
        let near = &tokens[start.saturating_sub(2)..start];
        let sentence = near.iter().rposition(|token| token.gap == Gap::Sentence).unwrap_or(0);
        near[sentence..].iter().any(|token| self.denials.contains(&token.hash))
            || self.has_before(tokens, start, &self.conditions)
    }

    /// Whether one of `words` comes before `start` in its sentence.
    fn has_before(&self, tokens: &[Token], start: usize, words: &[u64]) -> bool {
        let sentence = tokens[..=start].iter().rposition(|token| token.gap == Gap::Sentence).unwrap_or(0);
        tokens[sentence..start].iter().any(|token| words.contains(&token.hash))
    }
}

/// Negations, after which nothing is done.
const DENIALS: &str =
    "not hasn't haven't isn't wasn't aren't weren't hadn't never nicht noch kein pas jamais nunca";

/// Words after which something would be done.
const CONDITIONS: &str = "if unless once when until whether wenn falls sobald quand quando cuando";

/// Words after which something is only supposed.
const SUPPOSITIONS: &str = "if unless falls";

/// Words that refuse when they begin an answer, and only negate inside a sentence.
const NOS: &str = "no nein não nee hayır нет नहीं nahi";

#[rustfmt::skip]
const PHRASES: &[(Cue, &str)] = &[
    (Cue::AboutWorks, "
        movie, movies, film, films, book, books, novel, novels, song, songs, album, albums, band, actor, actors, actress, actresses, character, characters, plot, plots, storyline, ending, genre
        documentary, documentaries, horror, comedy, comedies, thriller, thrillers, sequel, soundtrack, villain, villains, hero, episode, episodes, season, director, cinema, theater, theatre, band, lyrics, author, chapter, news, headline, headlines, article, articles, newspaper, newspapers, podcast, podcasts, poem, poems, marvel, superhero, superheroes, sci-fi, netflix"),
    (Cue::Thanks, "
        no thanks for, no thank you for, no thanks so much, no thank you so much, no thank you very much, no thanks a lot
        thanks, thank you, thank u, thankyou, thx, tysm, many thanks, thanking you, appreciate it, appreciate your help, appreciate that, grateful, tank you, thank
        danke, dankeschön, vielen dank, merci, merci beaucoup, gracias, muchas gracias, grazie, grazie mille, obrigado, obrigada, muito obrigado, muito obrigada, bedankt, dank je, dank u, tack, tak, takk, kiitos, dziękuję, dzięki, děkuji, díky, köszönöm, mulțumesc
        teşekkürler, teşekkür ederim, terima kasih, cảm ơn, dhanyavaad, shukriya, спасибо, благодарю, дякую, благодаря, хвала, धन्यवाद, शुक्रिया, شكرا, شكراً, ممنون, متشکرم, شکریہ
        谢谢, 谢了, 多谢, 感谢, 謝謝, ありがとう, 感謝, 감사합니다, 감사해요, 고마워, 고맙습니다, ขอบคุณ, ευχαριστώ, תודה"),
    (Cue::Farewell, "
        bye, goodbye, good bye, byebye, see you, see ya, take care, have a nice day, have a good day, have a great day, have a good one, have a nice, have a great, have a good, good night, good day
        tschüss, auf wiedersehen, schönen tag, au revoir, bonne journée, adiós, hasta luego, buen día, arrivederci, buona giornata, tchau, adeus, doei, hej då, do widzenia
        до свидания, 再见, 拜拜, さようなら, 失礼します, 안녕히, अलविदा"),
    (Cue::Greeting, "
        hello, hi, hey, hai, hii, haii, good morning, good afternoon, good evening, greetings, hallo, guten tag, guten morgen, bonjour, bonsoir, salut, hola, buenos días, buenas tardes
        ciao, salve, buongiorno, buonasera, olá, oi, hoi, goedemorgen, hej, namaste, नमस्ते, привет, здравствуйте, 你好, 您好, こんにちは, 안녕하세요, مرحبا, สวัสดี"),
    (Cue::Success, "
        that worked, it worked, works now, working now, is working, works perfectly, working perfectly, working fine, works fine, it works, problem solved, issue is resolved, issue resolved, is resolved, is fixed, fixed it, got it working
        that solved, solved it, that helps, that helped, very helpful, so helpful, really helpful, been helpful, been a great help, been a big help, great help, big help, you helped me, perfect, awesome, excellent, wonderful, amazing, fantastic, brilliant, that's great, thats great, that is great
        exactly what i needed, just what i needed, what i was looking for, everything i need, great service, great job, good job, well done, so kind, very kind, how kind, made my day, life saver, lifesaver, above and beyond, i got it, i received it
        funktioniert jetzt, hat geklappt, hat funktioniert, geht jetzt, wieder gelöst, perfekt, wunderbar, super, prima, großartig, sehr hilfreich
        ça marche, ça fonctionne, parfait, génial, excellent, super, ya funciona, perfecto, genial, excelente, estupendo, muy amable, adesso funziona, perfetto, ottimo, fantastico, perfeito, ótimo
        太好了, 很好, 非常好, 好极了, 太棒了, 可以了, 解决了, 完美, 助かりました, できました, 解決しました, 좋아요, 좋습니다, 완벽, 해결, बहुत अच्छा, बढ़िया, отлично, прекрасно, работает"),
    (Cue::Failure, "
        keeps, keeps happening, didn't find a solution, did not find a solution, not resolved, isn't resolved, it's still not, is still not, still broken, still down, still the same, still nothing, still happening, getting worse, without a solution, no solution, tired of, still not working, still doesn't work, still does not work, not working, doesn't work, does not work, didn't work, did not work, still no, still waiting, still haven't, still not, still have not, isn't working, is broken, no luck
        didn't help, did not help, doesn't help, not helpful, not helping, unhelpful, useless, waste of time, wasting my time, ridiculous, unacceptable, terrible, horrible, awful, worst, disappointed, disappointing, frustrated, frustrating, fed up, annoyed, annoying, angry, pathetic, nonsense, scam
        never arrived, hasn't arrived, has not arrived, haven't received, have not received, never received, makes no sense, not acceptable, not happy, unhappy, not satisfied, dissatisfied, not what i, wrong again, that's wrong, that is wrong, that's not right, that is not right, that's not what
        funktioniert nicht, geht nicht, immer noch nicht, hilft nicht, hilft mir nicht, enttäuscht, unverschämt, inakzeptabel, frechheit, ärgerlich, unmöglich, nutzlos, schlimm
        ne marche pas, ne fonctionne pas, toujours pas, inacceptable, déçu, déçue, inutile, honteux, no funciona, todavía no, inaceptable, decepcionado, decepcionada, inútil, vergüenza, non funziona, ancora non, inaccettabile, deluso, delusa, não funciona, ainda não, inaceitável
        没用, 不行, 不能用, 失望, 太差, 垃圾, 投诉, 还没, 使えない, 動かない, 届かない, 届いていない, ひどい, 困って, 안돼요, 안됩니다, 실망, не работает, до сих пор"),
    (Cue::Repetition, "
        already told, already said, already gave, already provided, already explained, already sent, already tried, already did, already asked, as i said, like i said, i just said, i just told, i said, i told you, told you, again and again, over and over, third time, second time, how many times, several times, multiple times, repeat myself, same question, same problem, same issue, keeps happening, keep getting, once again, asked before, you keep
        schon gesagt, bereits gesagt, habe ich doch, zum dritten mal, zum zweiten mal, wie gesagt, déjà dit, déjà expliqué, encore une fois, ya dije, ya le dije, ya se lo dije, otra vez, già detto, di nuovo, já disse, 已经说, 说过了, 又是, 再次, もう言い, 何度も, 또다시"),
    (Cue::WantsPerson, "
        a human please, speak to a human, talk to a human, speak with a human, talk with a human, real person, real human, human being, live person, live agent, human agent, real agent, speak to a person, talk to a person, speak with a person, talk with a person, speak to someone, talk to someone, speak with someone, talk with someone, talk to an agent, speak to an agent, speak with an agent, representative, supervisor
        your manager, speak to a manager, talk to a manager, speak with a manager, speak to the manager, talk to the manager, speak with the manager, your boss, file a complaint, make a complaint, lodge a complaint, formal complaint, have a complaint, want to complain, going to complain, wish to complain, like to complain, will complain, my lawyer, legal action, sue you, i will sue, i'll sue, report you
        mit einem menschen, echten menschen, mitarbeiter sprechen, vorgesetzten, beschwerde, beschweren, un humain, parler à une personne, un conseiller, un responsable, une réclamation, porter plainte, un humano, una persona real, hablar con un agente, hablar con una persona, supervisor, poner una queja, una reclamación, un operatore, parlare con una persona, un responsabile, fare reclamo
        转人工, 人工客服, 人工服务, 找人工, 找客服, 找经理, 你们经理, 要投诉, 投诉你, 担当者, オペレーター, 責任者, クレーム, 상담원"),
    (Cue::Unable, "
        i can't, i cannot, i can not, i'm not able, i am not able, not able to, unable to, we can't, we cannot, can't help, cannot help, not possible, no availability, not available, there are no, there is no, i couldn't find, could not find, i couldn't, didn't find, did not find, no results, don't have any, do not have any, don't have access, do not have access, don't have that information, do not have that information, don't have information, do not have information
        i didn't understand, did not understand, don't understand, do not understand, didn't get that, didn't catch, did not catch, could you rephrase, rephrase, didn't quite, not sure what you mean, something went wrong, was not successful, wasn't successful, unsuccessful, has failed, failed to, an error, not recognize
        kann ich nicht, nicht möglich, nicht verstanden, je ne peux pas, pas possible, pas compris, no puedo, no es posible, no entiendo, no he entendido, mi dispiace, non posso, non è possibile, non ho capito, não posso, não é possível
        抱歉, 对不起, 无法, 不能, 没有找到, 申し訳, できません, わかりません, 죄송, 할 수 없, क्षमा, माफ"),
    (Cue::Done, "
        has been booked, have been booked, been booked, is booked, has been reserved, been reserved, is reserved, has been made, been made, has been confirmed, is confirmed, been confirmed, your confirmation, confirmation number, reference number, was successful, is successful, successfully, is complete, is completed, has been completed, been placed, is all set, all set, booking completed, booking is complete, reservation completed, have booked, was able to book, were able to book, you are booked, you're booked, you're set, you are set
        has been sent, been sent, i have sent, i've sent, have been sent, has been processed, been processed, been refunded, has been refunded, been credited, has been cancelled, been cancelled, been canceled, is cancelled, has been updated, been updated, been changed, been added, i have added, i've added, been scheduled, is scheduled, been activated, is activated, been reset, been resolved, been fixed, been transferred, been submitted, been issued, been ordered, been blocked
        i have booked, i've booked, i booked, i have reserved, i've reserved, i have updated, i've updated, i have cancelled, i've cancelled, i've processed, i have processed, i have changed, i've changed, i have placed, i've placed, i have scheduled, i've scheduled, i have transferred, will be ready, is on its way, on the way, is ready, are ready, will arrive, purchased
        wurde gebucht, ist gebucht, wurde storniert, wurde erstattet, wurde geändert, ist bestätigt, wurde bestätigt, habe ich gebucht, erfolgreich, wurde gesendet, est réservé, est confirmée, a été, ont été, est faite, j'ai réservé, ha sido, han sido, está confirmada, está reservado, he reservado, è stato, è stata, sono stati, ho prenotato, prenotato, foi reservado, foi confirmado
        已为您, 已经为您, 帮您订, 预订成功, 预定成功, 订好, 已经预, 完成, 成功, 完了し, 予約しました, 確認しました, 手配しました, 예약되었, 예약했, 완료, बुक कर"),
    (Cue::HandsOver, "
        transfer you, transferring you, connect you, connecting you, put you through, hand you over, pass you on, escalate, escalated, escalating, a colleague, our specialist, a specialist will, someone will, agent will contact, team will contact, will get back to you, will call you back, call you back
        weiterleiten, leite sie weiter, verbinde sie, vous transférer, je vous transfère, mettre en relation, transferirle, le transfiero, le paso, trasferisco, la passo, transferir você, 转接, 为您转, おつなぎ, 担当に代わ, 연결해"),
    (Cue::NothingElse, "
        that's all, thats all, that is all, i have all i need, all i need, all i needed, that will be all, that'll be all, that would be all, no that would be all, no that's all, no that is all, no that will be all, nothing else, no thanks, no thank you, nope thanks, no thanks for, no thank you for, no thanks so much, no thank you so much, no thank you very much, no thanks a lot, i'm good, im good, i am good, all good, all set, that's it, thats it, that is it, that's everything, that is everything, nothing more, nothing
        das ist alles, das war alles, das war's, nein danke, c'est tout, non merci, eso es todo, nada más, no gracias, è tutto, nient'altro, no grazie, é tudo, só isso, isso é tudo, 没有了, 没了, 就这些, 以上です, それだけ, 없습니다"),
    (Cue::Courtesy, "
        how can i help, how may i help, how can i assist, how may i assist, can i help you, may i help you, help you with, assist you, anything else, something else, you're welcome, youre welcome, you are welcome, my pleasure, no problem, glad i could, glad to help, happy to help, thank you for calling, thanks for calling, thank you for contacting, thanks for contacting, thank you for choosing, have a nice, have a great, have a good, have a wonderful, please hold, one moment, bear with me, welcome to, let me know, is there anything, enjoy your day, what can i
        wie kann ich, kann ich ihnen, sonst noch, gern geschehen, gerne, bitte schön, einen moment, comment puis, puis-je vous, autre chose, je vous en prie, un instant, en qué puedo, puedo ayudar, algo más, de nada, un momento, come posso, posso aiutar, qualcos'altro, altro, prego
        还有什么, 有什么可以, 不客气, 不用谢, 很高兴为您, 还有其他, どういたしまして, 他に, 천만에, 도와드릴, 또 필요"),
    (Cue::Agrees, "
        yes, yeah, yep, yup, sure, ok, okay, alright, sounds good, sounds great, sounds fine, that's great, thats great, that is great, that works, works for me, perfect, great, agreed, deal, i agree, fine, that's fine, of course, absolutely, definitely, go ahead, please do, correct, exactly, good idea
        i will take, i'll take, i'd love, i would love, i'll check it out
        ja, jawohl, gerne, klar, einverstanden, passt, genau, oui, d'accord, bien sûr, volontiers, sí, claro, vale, de acuerdo, perfecto, va bene, certo, d'accordo, pode ser, prima, graag, tak, dobrze, evet, tamam, да, хорошо, так, हाँ, हां, ठीक है, haan, theek hai
        好的, 好吧, 可以, 没问题, 是的, 嗯, はい, ええ, お願いします, 좋아요, 그래요, 알겠습니다, نعم, حسنا, ใช่"),
    (Cue::Refuses, "
        no, nope, nah, not interested, don't want, do not want, don't like, do not like, didn't like, something else, anything else, any other, another one, other options, not really, rather, instead, not what, never mind, nevermind, forget it, don't think, not a fan, can't do
        nein, lieber, etwas anderes, stattdessen, plutôt, autre chose, un autre, otra cosa, prefiero, preferisco, un altro, un'altra, não, outra coisa, nee, liever, hayır, нет, другой, другую, नहीं, nahi
        不要, 不用, 不想, 不喜欢, 换一, 别的, いいえ, 別の, 他の, 아니요, 아니, 다른, لا"),
    (Cue::Sorry, "
        sorry, apologies, apologize, apologise, apology
        entschuldigung, tut mir leid, bedauere, désolé, désolée, navré, excusez, lo siento, lamento, disculpe, mi dispiace, scusi, desculpe, lamento, przepraszam, üzgünüm, извините, क्षमा, माफ
        抱歉, 对不起, 不好意思, 申し訳, すみません, 죄송, آسف, ขออภัย"),
    (Cue::Regret, "
        unfortunately, i'm afraid, i am afraid, regret, leider, malheureusement, désolé mais, lamentablemente, desafortunadamente, purtroppo, infelizmente, helaas, niestety, maalesef, к сожалению, 残念ながら, 안타깝"),
    (Cue::Declines, "
        no, nope, nah, not interested, don't want, do not want, don't like, do not like, didn't like, not really, never mind, nevermind, forget it, not a fan
        nein, não, nee, hayır, нет, नहीं, nahi, 不要, 不想, 不喜欢, いいえ, 아니요, 아니, لا"),
    (Cue::Requests, "
        i need, i want, i'd like, i would like, i'd love, we need, we want, we'd like, we would like, i wish to, would appreciate, would really appreciate, i would appreciate, i would really appreciate, looking for, looking to, searching for, trying to find, i'm trying to, i am trying to, interested in, i wanted to, i was wondering, had a problem, had problem, got a problem, can you, could you, would you, will you, can i, could i, may i, can we, could we, please, help me, help with, need help, some help, need to, want to, have a problem, have an issue, have a question, having trouble, having issues, having problems, having an issue, having a problem, problem with, issue with, trouble with, find me, get me, give me, send me, show me, tell me, book me, book a, order a, is there, are there, do you have, how do i, how can i, what is the, where is my, when will, i lost, i am calling about, i'm calling about, calling because, check on, check the status, inquire about, enquire about, lets get, let's get, i'll have, i will have
        ich möchte, möchte, ich brauche, brauche, ich suche, suche, suchen, hätte gern, hätte gerne, würde gern, würde gerne, bitte, können sie, kannst du, je voudrais, j'aimerais, je cherche, je recherche, cherche, j'ai besoin, je veux, pouvez-vous, peux-tu, pourriez-vous, s'il vous plaît, quiero, quisiera, necesito, busco, puede, podría, me gustaría, por favor, vorrei, cerco, sto cercando, ho bisogno, mi serve, può, potrebbe, per favore, gostaria, preciso, procuro, quero, poderia, ik wil, ik zoek, graag, kunt u, jag vill, jag söker
        хочу, нужно, нужен, нужна, ищу, могу, можете, пожалуйста, चाहता, चाहती, चाहिए, कृपया, खोज, ढूंढ, chahiye, chahta, chahti
        帮我, 请, 我想, 想要, 我要, 想找, 需要, 推荐, 麻烦, 能不能, 可以帮, したい, ください, お願い, 欲しい, 싶, 주세요, 부탁, 찾고, 추천"),
    (Cue::Sympathy, "sorry to hear, sorry you, sorry that you, sorry for your, sorry about your, sorry for the wait"),
    (Cue::Indifferent, "
        don't care, do not care, don't really care, do not really care, doesn't really matter, doesn't matter, does not matter, don't mind, do not mind, no preference, don't have a preference, not picky, any of them, any will do, either is fine
        ist mir egal, egal, spielt keine rolle, peu importe, ça m'est égal, me da igual, no importa, non importa, non mi importa, tanto faz, 随便, 都可以, 无所谓"),
    (Cue::Offers, "
        how about, what about, i found, there is, there's, there are, i have, we have, i'd recommend, i would recommend, i recommend, i suggest, may i recommend, would you like
        wie wäre, ich habe, ich empfehle, que diriez, je vous propose, je recommande, qué tal, qué le parece, le recomiendo, che ne dice, le consiglio, que tal, recomendo
        推荐, 建议"),
    (Cue::Objects, "
        but, however, though, although, aber, jedoch, mais, cependant, pero, sin embargo, però, mas, porém, maar, но, लेकिन, lekin, 但是, 不过, でも, しかし, 하지만, 그런데, لكن"),
    (Cue::Warm, "
        so much, very much, a lot, no thanks so much, no thank you so much, no thank you very much, no thanks a lot, really appreciate, great help, big help, been a great help, been a big help, helpful, very helpful, so helpful, really helpful, been helpful, that's great, thats great, that is great, great service, great job, love, wonderful, amazing, awesome, excellent, fantastic, perfect, great, lovely, glad, happy, brilliant
        vielen dank, herzlichen dank, super, toll, wunderbar, perfekt, freut mich, merci beaucoup, parfait, super, génial, muchas gracias, perfecto, genial, estupendo, grazie mille, perfetto, ottimo, muito obrigado, muito obrigada, ótimo, hartelijk, geweldig, bardzo, çok, большое, отлично, बहुत, bahut
        非常, 太好了, 太棒了, 很好, 本当に, 助かりました, とても, 정말, 너무, 많이, جزيلا, ขอบคุณมาก"),
];
