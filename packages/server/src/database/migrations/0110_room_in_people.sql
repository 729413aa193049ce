-- Groups change many people at once; room on the page spares the indexes.
ALTER TABLE people SET (fillfactor = 80);
