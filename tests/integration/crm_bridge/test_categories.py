import pytest

from crm_bridge.categories.service import UNSORTED, Categories, Category, parse
from infra.kit.database import Database
from infra.kit.errors import Invalid

HEAD = "code,name_zh,name_en,parent\n"


async def test_empty_table_is_seeded_once(database: Database) -> None:
    categories = Categories(database)
    await categories.seed()
    await categories.load([Category(code="10", name_zh="住房", name_en="Housing", parent=None)])
    await categories.seed()
    found = {category.code: category for category in await categories.all()}
    assert found["10"].name_zh == "住房"
    assert len(found) >= 40
    assert UNSORTED in found


def test_children_may_stand_above_their_parents() -> None:
    found = parse("\ufeff" + HEAD + "101,供水,Water,10\n10,公用,Utilities,\n")
    assert [category.code for category in found] == ["10", "101"]


@pytest.mark.parametrize(
    "text",
    [
        "code,name\n1,住房\n",
        HEAD + "1,住房,,\n",
        HEAD + "1,住房,Housing,,extra\n",
        HEAD + "1,住房,Housing\n1,住房,Housing,\n",
        HEAD + "1,住房,Housing,2\n",
        HEAD + "1,住房,Housing,2\n2,市容,City,1\n",
    ],
)
def test_file_that_is_no_tree_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse(text)
