// What stands in the same page as the book's scripts without being written here.

declare const messages: Record<string, Record<string, string>>; // sphinx-copybutton's words
declare const locale: string; // its language
declare const Search: any; // Sphinx's search
