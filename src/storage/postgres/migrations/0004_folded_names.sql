-- Names without regard to case, of those users for whom that is another text: the program folds all
-- databases' names in the same way.
CREATE TABLE folded_names (
    username TEXT COLLATE "C" NOT NULL PRIMARY KEY
             REFERENCES users (username) ON UPDATE CASCADE ON DELETE CASCADE,
    folded   TEXT COLLATE "C" NOT NULL
);
CREATE INDEX folded_names_folded ON folded_names (folded);
