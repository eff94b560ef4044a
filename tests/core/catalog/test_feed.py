"""Reading other people's files: every row is accounted for."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_core.catalog.dto import ProductDraft
from mestres_core.catalog.feed import Feed, FeedMapping, Rejection, read_mapping
from mestres_core.errors import FeedError

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"

BASE = {
    "key": {"prefix": "t", "columns": ["id"]},
    "fields": {
        "nome": {"column": "name", "required": True},
        "altura": {"column": "alt", "kind": "altitude", "min": 100, "max": 2800},
        "preco": {"column": "price", "kind": "number", "required": True},
    },
    "product": {"name": ["{nome}"], "sku": "T-{key}"},
    "attributes": {"Altitude": "{altura}"},
    "price": {"field": "preco", "per_unit": 100},
}


def mapping(**changes):
    return FeedMapping.model_validate({**BASE, **changes})


def with_field(name, **rule):
    return mapping(fields={**BASE["fields"], name: {**BASE["fields"].get(name, {}), **rule}})


def feed(tmp_path, content, rules=None):
    path = tmp_path / "file.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Feed(path, rules or mapping())


def one(tmp_path, row, rules=None):
    (result,) = feed(tmp_path, f"id,name,alt,price\n{row}\n", rules)
    return result


def test_a_good_row_becomes_a_product(tmp_path):
    """A row with everything in it becomes a draft with its price in minor units."""
    draft = one(tmp_path, "7,Café,1200-1400,45.90")
    assert isinstance(draft, ProductDraft)
    assert (draft.key, draft.name, draft.variants[0].price) == ("t:7", "Café", 4590)
    assert draft.attributes == {"Altitude": "1.200–1.400 m"}


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (",a,1200,1", "key", "column 'id' is empty"),
        ("1,,1200,1", "nome", "column 'name' is empty"),
        ("1,a,high,1", "altura", "holds no number"),
        ("1,a,190164,1", "altura", "is not between 100 and 2800 m"),
        ("1,a,1200,", "preco", "column 'price' is empty"),
        ("1,a,1200,dear", "preco", "is not a number"),
        ("1,a,1200,-1", "variants[0].price", "must be at least 0"),
        ("1,a,1200", "row", "has 3 columns, the header has 4"),
        ("1,a,1200,1,2", "row", "has 5 columns, the header has 4"),
        ('1,"a"b,1200,1', "row", "is not CSV: ',' expected after '\"'"),
    ],
)
def test_a_bad_row_is_rejected_with_field_and_reason(tmp_path, row, field, reason):
    """A row that cannot be used names its line, the field, and what was wrong."""
    rejection = one(tmp_path, row)
    assert isinstance(rejection, Rejection)
    assert (rejection.line, rejection.field, rejection.reason) == (2, field, reason)


@pytest.mark.parametrize(
    ("written", "unit", "read"),
    [
        ("1200", "m", "1.200 m"),
        ("1.872", "m", "1.872 m"),
        ("meters above sea level: 1.943", "m", "1.943 m"),
        ("approx. 1'500 metres a.s.l.", "m", "1.500 m"),
        ("1.800 masl", "m", "1.800 m"),
        ("1520m-2200m", "m", "1.520–2.200 m"),
        ("de 1600 a 1950 msnm", "m", "1.600–1.950 m"),
        ("1450 ~ 1700 m", "m", "1.450–1.700 m"),
        ("950公尺", "m", "950 m"),
        ("4921ft", "ft", "1.500 m"),
        ("4000 psnm", "ft", "1.219 m"),
        ("3000'", "m", "914 m"),
        ("5600-5760 metros", "ft", "1.707–1.756 m"),
        ("4300", "ft", "1.311 m"),
        ("1400 - 1200", "m", "1.200–1.400 m"),
    ],
)
def test_altitudes_are_read_in_the_ways_people_write_them(tmp_path, written, unit, read):
    """Units, ranges, words and thousands separators in an altitude are understood."""
    rules = with_field("altura", unit_column="unit")
    (draft,) = feed(tmp_path, f'id,name,alt,unit,price\n1,a,"{written}",{unit},1\n', rules)
    assert draft.attributes["Altitude"] == read


def test_omitted_values_are_counted(tmp_path):
    """A value that the mapping allows to be left out leaves the product without it and is counted."""
    source = feed(tmp_path, "id,name,alt,price\n1,a,test,1\n2,b,1200,1\n", with_field("altura", bad="omit"))
    assert [draft.attributes for draft in source] == [{}, {"Altitude": "1.200 m"}]
    assert source.omitted == Counter(altura=1)


def test_the_same_identifier_twice_is_reported(tmp_path):
    """Two rows with one identifier never merge: the second is rejected and names the line of the first."""
    first, second = feed(tmp_path, "id,name,alt,price\n1,a,1200,1\n1,b,1300,2\n")
    assert isinstance(first, ProductDraft)
    assert (second.line, second.field, second.reason) == (3, "key", "is the same as on line 2")


def test_without_an_identifier_identical_rows_get_keys_of_their_own(tmp_path):
    """Keys made of content are unique for each row, equal between runs, and do not depend on other rows."""
    rules = mapping(key={"prefix": "t"})
    keys = [d.key for d in feed(tmp_path, "id,name,alt,price\n1,a,1200,1\n1,a,1200,1\n2,b,1200,1\n", rules)]
    again = [d.key for d in feed(tmp_path, "id,name,alt,price\n2,b,1200,1\n1,a,1200,1\n1,a,1200,1\n", rules)]
    assert len(set(keys)) == 3
    assert set(keys) == set(again)
    assert keys[1] == f"{keys[0]}-2"


def test_lines_are_counted_through_quoted_line_breaks(tmp_path):
    """A rejection names the line its row starts on, also after rows of several lines and empty lines."""
    rows = list(feed(tmp_path, 'id,name,alt,price\n1,"a\nb",1200,1\n\n2,,1200,1\n'))
    assert rows[0].name == "a b"
    assert rows[1].line == 5


def test_an_unclosed_quote_loses_nothing_silently(tmp_path):
    """A quote that is never closed rejects the row it swallowed instead of making a product of it."""
    rows = list(feed(tmp_path, 'id,name,alt,price\n1,a,1200,1\n2,"b,1200,1\n3,c,1200,1\n'))
    assert isinstance(rows[0], ProductDraft)
    assert [(r.line, r.field) for r in rows[1:]] == [(3, "row")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings_are_found(tmp_path, encoding):
    """UTF-8 with and without a mark, UTF-16 with one and Windows-1252 all give the same text."""
    (draft,) = feed(tmp_path, "id,name,alt,price\n1,Açaí,1200,1\n".encode(encoding))
    assert draft.name == "Açaí"


def test_gzip_is_recognised_by_content(tmp_path):
    """A gzip file is unpacked whatever it is called."""
    (draft,) = feed(tmp_path, gzip.compress(b"id,name,alt,price\n1,a,1200,1\n"))
    assert draft.key == "t:1"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the first line must name the columns"),
        (b"id,name\n", "no column 'alt', 'price'"),
        (b"id,id,name,alt,price\n", "column 'id' occurs twice"),
        (gzip.compress(b"id,name,alt,price\n" * 99, mtime=0)[:-9], "damaged gzip"),
    ],
)
def test_an_unusable_file_says_what_is_wrong(tmp_path, content, says):
    """A file without the columns of the mapping is refused before any row is read."""
    with pytest.raises(FeedError, match=says):
        feed(tmp_path, content)


def test_a_missing_file_is_a_feed_error(tmp_path):
    """A path that is not there is refused with a sentence, not a traceback."""
    with pytest.raises(FeedError, match="No such file"):
        Feed(tmp_path / "none.csv", mapping())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("= 1", "not TOML"),
        ("", "Field required"),
        ('[key]\nprefix = "a"\ncolour = 1\n', "key.colour: Extra inputs"),
        (
            '[key]\nprefix = "a"\n[fields]\n[product]\nname = ["{nome}"]\n[price]\nprice = 1\n',
            r"\{nome\} in '\{nome\}' is not in \[fields\]",
        ),
    ],
)
def test_an_unusable_mapping_says_what_is_wrong(tmp_path, text, says):
    """A mapping is checked as a whole, and the first mistake is named with its place."""
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(FeedError, match=says):
        read_mapping(path)


@pytest.mark.parametrize(("points", "price"), [("50", 2500), ("80", 4500), ("80.5", 4800), ("99", 14900)])
def test_a_price_is_made_of_a_score(tmp_path, points, price):
    """The linear rule keeps to its floor and ceiling and rounds to its step."""
    rule = {"field": "preco", "at": 80, "price": 4500, "per_unit": 600, "floor": 2500, "ceiling": 14900, "round_to": 10}
    assert one(tmp_path, f"1,a,1200,{points}", mapping(price=rule)).variants[0].price == price


def accounted(content):
    with tempfile.TemporaryDirectory() as folder:
        try:
            source = feed(Path(folder), content)
        except FeedError:
            return
        results = list(source)
        text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        reader = csv.reader(io.StringIO(text.decode(source.encoding), newline=""), strict=True)
    rows = -1
    while True:
        try:
            rows += bool(next(reader))
        except StopIteration:
            break
        except csv.Error:
            rows += 1
    assert len(results) == rows
    keys = [r.key for r in results if isinstance(r, ProductDraft)]
    assert len(keys) == len(set(keys))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_end_as_rows_or_one_refusal(content):
    """Whatever the file holds, it is refused as a whole or every row becomes a product or a rejection."""
    accounted(content)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"id,name,alt,price\n", b"\xef\xbb\xbfid,name,alt,price\r\n"]))
def test_any_bytes_after_a_good_header_are_accounted_for(content, header):
    """With a good header, no bytes that follow it crash the reader or lose a row."""
    accounted(header + content)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(*[st.text(max_size=12)] * 2, *[st.from_regex(r"[0-9.,'mft -]{0,9}", fullmatch=True)] * 2)))
def test_any_cells_are_accounted_for(rows):
    """With well-formed CSV the number of results is the number of rows."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("id", "name", "alt", "price"), *rows])
    accounted(text.getvalue().encode("utf-8", "replace"))


@pytest.mark.parametrize(("species", "rows", "rejected"), [("arabica", 1311, 2), ("robusta", 28, 0)])
def test_the_real_lots_are_all_accounted_for(species, rows, rejected):
    """The Coffee Quality Institute's files come out whole: products and rejections add up to the rows."""
    path = DATA / f"cqi_{species}.csv.gz"
    if not path.exists():
        pytest.skip("no ../shared/data beside the checkout")
    rules = read_mapping(ROOT / "examples" / "mappings" / f"cqi_{species}.toml")
    results = list(Feed(path, rules))
    refused = [r for r in results if isinstance(r, Rejection)]
    assert (len(results), len(refused)) == (rows, rejected)
    assert {r.field for r in refused} <= {"pais", "pontos"}
    drafts = [r for r in results if isinstance(r, ProductDraft)]
    assert len({d.key for d in drafts}) == len({d.variants[0].sku for d in drafts}) == rows - rejected
    assert list(Feed(path, rules)) == results
