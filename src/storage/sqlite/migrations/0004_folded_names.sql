-- Names without regard to case, of those users for whom that is another text: the program folds more
-- than SQLite can.
CREATE TABLE folded_names (
    username TEXT NOT NULL PRIMARY KEY
             REFERENCES users (username) ON UPDATE CASCADE ON DELETE CASCADE,
    folded   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX folded_names_folded ON folded_names (folded);
