extension Store {
    /// What SQLite finds wrong with the file; empty if it is sound.
    ///
    /// - Parameter limit: At most so many findings.
    /// - Throws: ``StoreError``, also where the damage is such that not even this can be read.
    package func damages(limit: Int) throws(StoreError) -> [String] {
        let said = try original.rows("PRAGMA quick_check(\(limit))") { $0.text(0) }
        return said == ["ok"] ? [] : said.isEmpty ? ["the integrity check said nothing"] : said
    }

    /// Rows that belong to rows which are not there.
    ///
    /// - Throws: ``StoreError``.
    package func strays(limit: Int) throws(StoreError) -> [String] {
        let found = try original.rows("SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT \(limit)") {
            "a row of table \($0.text(0)) belongs to one of table \($0.text(1)) that is not there"
        }
        return found
    }

    /// What the pages of the database take, and what of it is free, in bytes.
    ///
    /// - Throws: ``StoreError``.
    package func pageBytes() throws(StoreError) -> (all: Int, free: Int) {
        func value(_ name: String) throws(StoreError) -> Int {
            try original.rows("PRAGMA \(name)") { $0.integer(0) }.first ?? 0
        }
        let size = try value("page_size")
        return (try value("page_count") * size, try value("freelist_count") * size)
    }
}
