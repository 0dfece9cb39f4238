"""The generator of data_small: text, voices, rooms and telephone lines. Needed only to make the data again."""
