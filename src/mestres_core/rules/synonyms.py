"""Words that mean the same thing to a buyer. Pure, and data: a shop that knows better gives its own groups.

They are looked up when somebody asks, not when a product is saved: a change holds at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mestres_core.rules.text import STOP_WORDS, tokens

SYNONYMS: Sequence[Sequence[str]] = (
    ("110 v", "127 v", "110 volts", "127 volts"),
    ("220 v", "220 volts"),
    ("acessório", "utensílio"),
    ("aeropress", "prensa de ar"),
    ("bico de ganso", "bico fino", "pescoço de ganso", "gooseneck"),
    ("biscoito", "bolacha"),
    ("cafeteira", "cafetera"),
    ("cápsula", "nespresso"),
    ("chaleira", "kettle"),
    ("chemex", "ampulheta"),
    ("clube", "assinatura"),
    ("cold brew", "coldbrew", "extração a frio"),
    ("compactador", "calcador", "tamper"),
    ("curso", "aula", "oficina", "workshop"),
    ("decaf", "descafeinado", "descafeinizado", "sem cafeína"),
    ("descalcificante", "descalcificador", "anticalcário"),
    ("dosador", "medidor"),
    ("drip bag", "drip coffee"),
    ("expresso", "espresso", "expreso"),
    ("fermentação carbônica", "maceração carbônica"),
    ("french press", "prensa francesa"),
    ("geisha", "gesha"),
    ("inox", "aço inoxidável"),
    ("kit", "conjunto"),
    ("livro", "leitura"),
    ("moedor", "moinho", "triturador", "grinder"),
    ("moka", "cafeteira italiana", "bule italiano"),
    ("moído", "em pó", "moagem"),
    ("moca", "peaberry"),
    ("mug", "caneca"),
    ("orgânico", "sem agrotóxico"),
    ("permanente", "reutilizável"),
    ("pitcher", "leiteira", "jarra para leite"),
    ("presente", "lembrança", "gift"),
    ("sifão", "globinho"),
    ("térmico", "isotérmico"),
    ("trimestral", "três meses"),
    ("v60", "coador cônico"),
    ("viagem", "viajante"),
    ("washed", "lavado"),
    ("xícara", "chávena"),
    # Where coffee comes from, and what is said of who and what does.
    ("bahia", "baiano"),
    ("brasil", "brasileiro", "brazil"),
    ("china", "chinês"),
    ("colômbia", "colombiano"),
    ("costa rica", "costarica", "costarriquenho"),
    ("el salvador", "salvadorenho"),
    ("equador", "equatoriano"),
    ("espírito santo", "capixaba"),
    ("etiópia", "etíope", "ethiopia"),
    ("guatemala", "guatemalteco"),
    ("haiti", "haitiano"),
    ("havaí", "havaiano", "hawaii"),
    ("honduras", "hondurenho"),
    ("índia", "indiano"),
    ("indonésia", "indonésio"),
    ("malauí", "malawi"),
    ("méxico", "mexicano"),
    ("nicarágua", "nicaraguense"),
    ("panamá", "panamenho"),
    ("paraná", "paranaense"),
    ("peru", "peruano"),
    ("quênia", "queniano", "kenya", "kenia"),
    ("são paulo", "paulista"),
    ("tailândia", "tailandês"),
    ("taiwan", "taiwanês"),
    ("tanzânia", "tanzaniano"),
    ("uganda", "ugandense"),
    ("vietnã", "vietnamita", "vietnam"),
)
"""What a coffee shop's buyers say for the same thing."""

Phrase = tuple[str, ...]


class Synonyms:
    """Groups of phrases, ready to be asked: every phrase of a group is found for every other one."""

    def __init__(self, groups: Iterable[Sequence[str]]) -> None:
        found: dict[Phrase, dict[Phrase, None]] = {}
        for group in groups:
            phrases = [phrase for each in group if (phrase := _phrase(each))]
            for one in phrases:
                found.setdefault(one, {}).update(dict.fromkeys(other for other in phrases if other != one))
        self._of: Mapping[Phrase, tuple[Phrase, ...]] = {one: tuple(others) for one, others in found.items()}
        self.longest = max(map(len, self._of), default=0)
        """The number of words of the longest phrase."""

    def of(self, phrase: Phrase) -> tuple[Phrase, ...]:
        """The others of its group; none for a phrase that is in no group."""
        return self._of.get(phrase, ())


def _phrase(text: str) -> Phrase:
    return tuple(stem for typed, stem in tokens(text) if typed not in STOP_WORDS)


BUILT_IN = Synonyms(SYNONYMS)
