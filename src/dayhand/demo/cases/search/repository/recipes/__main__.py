"""python3 -m recipes search WORDS | show ID"""

import sys

from recipes.search import search
from recipes.store import load_box, open_store


def main(arguments: list[str]) -> int:
    match arguments:
        case ["search", *words] if words:
            with open_store(load_box()) as store:
                for place, found in enumerate(search(store, " ".join(words)), start=1):
                    print(f"{place}. {found.title} ({found.minutes} min)")
        case ["show", number] if number.isdigit():
            with open_store(load_box()) as store:
                row = store.execute("SELECT * FROM recipe WHERE id = ?", (int(number),)).fetchone()
            if row is None:
                print(f"There is no recipe {number}.")
                return 1
            print(f"{row['title']}\n\n{row['ingredients']}\n\n{row['steps']}")
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
