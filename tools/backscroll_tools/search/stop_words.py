"""Stop words, such as `what`, `did` and `the`, in six languages.

A word can be a stop word in one language and meaningful in another: `die` is an article in German
and a verb in English. So the language of a query is guessed from its stop words, and only the stop
words of that language are ignored.
"""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ENGLISH: Final = _words(
    """
    a about after again all also am an and any anyone anything are aren't as ask asked at be became
    because been before being between both but by can can't cannot could couldn't did didn't do does
    doesn't doing don't dont each either else ever every find for from get gets go going got had has
    have haven't having he her here hers him his how i if im in into is isn't it its just know let
    many me mention mentioned might mine more most much must my no not of off on once one only or
    other our ours out over own please really said same say saying says she should show so some
    someone something still such talk talked tell than that the their theirs them then there these
    they thing things this those through to told too under until up us very want wanted was wasn't
    we went were weren't what when where whether which while who whom whose why will with won't
    would wouldn't yes yet you your yours
    """
)
_GERMAN: Final = _words(
    """
    aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bin
    bis bist bitte da damals damit dann das dass dein deine dem den denn der des dich die dies diese
    diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwas
    euch fur gab gegen gesagt gibt habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr
    ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes jene kann kannst kein keine
    keinem keinen mal man mehr mein meine meinem meinen meiner mich mir mit muss nach nicht nichts
    noch nun nur ob oder ohne sagte schon sehr sein seine seinem seinen seiner seit sich sie sind so
    soll sollte sondern uber um und uns unser unsere unter viel viele vom von vor wann war waren
    warum was weil welche welchem welchen welcher welches wenn wer werde werden wem wen wessen wie
    wieder will wir wird wo wofur woher wohin womit worden wurde wurden zu zum zur zwischen
    """
)
_FRENCH: Final = _words(
    """
    a ai alors apres as au aucun aussi autre aux avaient avait avant avec avez avoir avons ca ce
    cela celle celui ces cet cette chez ci combien comme comment dans de des depuis dire dit donc
    dont du elle elles en encore entre est et etaient etait ete etes etre eu fait faire faut fois
    furent fut ici il ils j je la le les leur leurs lui ma mais me meme mes moi mon ne ni nos notre
    nous on ont ou par parle pas pendant peu peut plus pour pourquoi quand que quel quelle quelles
    quels quelque qui quoi sa sans se sera ses si soit son sont sous suis sur ta te tes toi ton tous
    tout toute toutes tres tu un une va vers vont vos votre vous y
    """
)
_SPANISH: Final = _words(
    """
    a al algo alguien algun alguna ante antes aquel aquella aqui asi aun aunque cada como con contra
    cual cuales cuando cuanta cuantas cuanto cuantos de del desde dice dijeron dijo donde dos e el
    ella ellas ellos en entre era eran eres es esa esas ese eso esos esta estaba estaban estan estar
    estas este esto estos estoy fue fueron ha habia hablamos hablo han hace hacer hacia hasta hay he
    la las le les lo los mas me mi mis mucho muy nada ni no nos nosotros nuestra nuestro o os otra
    otro para pero por porque pues que quien quienes se sea ser si sido sin sobre son soy su sus
    tambien tan te tenia tengo ti tiene tienen toda todas todo todos tu tus un una unas uno unos
    usted va y ya yo
    """
)
_PORTUGUESE: Final = _words(
    """
    a ai ainda algo alguem algum alguma ao aos apos aquela aquele aqui as ate cada com como contra
    da das de dela dele deles depois desde dessa desse desta deste disse disseram do dos e ela elas
    ele eles em entre era eram essa essas esse esses esta estao estas estava estavam este estes
    estou eu falamos falou fez foi foram ha isso isto ja la lhe lhes mais mas me mesmo meu meus
    minha minhas muito na nao nas nem no nos nossa nosso num numa o onde os ou para pela pelas pelo
    pelos por porque pra qual quais quando quanta quanto quantos que quem sao se sem ser sera seu
    seus so sobre sua suas tambem te tem tinha tive todo todos tu um uma umas uns vai voce voces
    """
)
_ITALIAN: Final = _words(
    """
    a abbiamo agli ai al alla alle allo anche ancora avere aveva avevano c che chi ci cio coi col
    come con cosa cui da dagli dai dal dalla dalle dei del della delle dello dentro detto di disse
    dopo dove e ed era erano essere fa fare fatto fra fu gia gli ha hai hanno ho i il in io la le
    lei li lo loro lui ma mai me mi mia mie miei mio molto ne negli nei nel nella nelle no noi non
    nostra nostro o ogni per perche pero piu poi prima qual quale quali qualcosa qualcuno quando
    quanta quanti quanto quella quelle quelli quello questa queste questi questo qui se sei senza si
    sia siamo sono sopra sta stata stato su sua sue sui sul sulla suo suoi te ti tra tu tua tuo
    tutti tutto un una uno va vi voi
    """
)
LANGUAGES: Final = (_ENGLISH, _GERMAN, _FRENCH, _SPANISH, _PORTUGUESE, _ITALIAN)

_PAIRS: Final = _words(
    """
    什么 什麼 怎么 怎麼 哪里 哪裡 哪个 哪個 哪天 时候 時候 为什 為什 多少 我们 我們
    你们 你們 他们 他們 这个 這個 那个 那個 是谁 是誰 有没 有沒 没有 沒有 请问 請問
    可以 一个 一個 了吗 了嗎 是什 的是 です ます まし した でし ませ せん いる いま
    てい って ある あり から まで たい てく なん いつ どこ だれ どれ どの どう この
    その あの これ それ あれ こと もの ので のは には では とは のか すか たか んで
    いて
    """
)
"""Pairs of characters that are common in Chinese and Japanese questions. They are stop words in
every query, independently of the guessed language."""


def common(words: Collection[str]) -> AbstractSet[str]:
    """Return the stop words among the words of a query.

    Args:
        words: the folded words. Text in a script without spaces is given as pairs of characters.
    """
    distinct = set(words)
    counts = [len(distinct & language) for language in LANGUAGES]
    most = max(counts)
    # If languages are tied, the first of them in `LANGUAGES` is chosen. English is chosen if no
    # language has more than one stop word in the query, because a single stop word may be a name
    # or a code.
    language = LANGUAGES[counts.index(most)] if most > 1 else LANGUAGES[0]
    return distinct & (language | _PAIRS)
