"""Prints python.json: Fernet tokens made by Python, and which spellings of them
Python opens.

    python record.py > python.json

The recording beside this file was made with Python 3.11.7 and cryptography
50.0.2. Tokens hold the time and a random IV, so a new recording differs.
"""

import json
import platform

import cryptography
from cryptography.fernet import Fernet, MultiFernet

OLD = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
NEW = "ShZNsV87_h3lPyryK6kQC2UPzsXDmc52zVYcFVn30JA="

# Their tokens end in "==", "=" and no padding.
PLAINTEXTS = ["", "sixteen bytes or more", "so many bytes that the token needs none"]


def spellings(token: str) -> dict[str, str]:
    body = token.rstrip("=")
    half = len(token) // 2
    return {
        "as it is": token,
        "exclamation mark behind": token + "!",
        "newline behind": token + "\n",
        "space behind": token + " ",
        "padding and more behind": token + "=AAAA",
        "more behind": token + "AAAA",
        "one letter behind": token + "A",
        "space in front": " " + token,
        "padding in front": "==" + token,
        "much padding in front": "=====" + token,
        "padding in two quads": token[:2] + "=" + token[2:6] + "=" + token[6:],
        "padding in the middle": token[:half] + "=" + token[half:],
        "padding twice in the middle": token[:half] + "==" + token[half:],
        "line break in the middle": token[:half] + "\r\n" + token[half:],
        "space in the middle": token[:half] + " " + token[half:],
        "NUL in the middle": token[:half] + "\0" + token[half:],
        "standard alphabet": token.replace("-", "+").replace("_", "/"),
        "no padding": body,
        "half of the padding": body + "=",
        "space inside the padding": body + "= =",
        "one letter less": body[:-1],
        "four letters less": body[:-4],
        "only the beginning": token[:12],
        "nothing": "",
        "other case": token.swapcase(),
    }


def opens(key: str, token: str) -> bool:
    try:
        # As bytes, which is how py-key-value passes it.
        Fernet(key).decrypt(token.encode())
    except Exception:
        return False
    return True


def main() -> None:
    print(
        json.dumps(
            {
                "python": platform.python_version(),
                "cryptography": cryptography.__version__,
                "keys": f"{NEW},{OLD}",
                "tokens": [
                    {
                        "plaintext": plaintext,
                        "fernet": (token := Fernet(OLD).encrypt(plaintext.encode()).decode()),
                        "multifernet": MultiFernet([Fernet(NEW), Fernet(OLD)]).encrypt(plaintext.encode()).decode(),
                        "spellings": [
                            {"name": name, "token": text, "opens": opens(OLD, text)}
                            for name, text in spellings(token).items()
                        ],
                    }
                    for plaintext in PLAINTEXTS
                ],
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
