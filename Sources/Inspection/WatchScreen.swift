package import Model
package import Store

/// What `state watch` shows: as much of a report as fits the terminal, and how to see the rest.
package struct WatchScreen: Sendable, Hashable {
    /// Lines and columns of the terminal.
    package struct Size: Sendable, Hashable {
        package var rows: Int
        package var columns: Int

        /// - Parameters:
        ///   - rows: At least 2 are taken.
        ///   - columns: At least 20 are taken.
        package init(rows: Int, columns: Int) {
            self.rows = max(rows, 2)
            self.columns = max(columns, 20)
        }
    }

    /// What a key asks for.
    package enum Key: Sendable, Hashable {
        case quit
        case refresh
        case up
        case down
        case pageUp
        case pageDown
    }

    /// The first line of the report that is shown.
    package private(set) var top = 0
    /// All lines of the report.
    package private(set) var lines: [String] = []
    package var size: Size

    /// An empty screen of that size.
    package init(size: Size) { self.size = size }

    /// The last line is kept for what the keys do.
    private var visible: Int { size.rows - 1 }

    /// Takes a new report, made for the size.
    package mutating func show(_ report: String) {
        lines = report.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        scroll(by: 0)
    }

    /// Moves the report under the window.
    package mutating func pressed(_ key: Key) {
        switch key {
        case .quit, .refresh: break
        case .up: scroll(by: -1)
        case .down: scroll(by: 1)
        case .pageUp: scroll(by: -visible)
        case .pageDown: scroll(by: visible)
        }
    }

    private mutating func scroll(by count: Int) { top = min(max(top + count, 0), max(lines.count - visible, 0)) }

    /// The bytes that paint it from the upper left corner, without a flicker: each line over the one before.
    ///
    /// - Parameter isColoured: The last line is set off.
    package func painted(isColoured: Bool) -> String {
        let shown = lines.dropFirst(top).prefix(visible)
        let hidden = lines.count - top - shown.count
        var words = "q quits"
        if top > 0 || hidden > 0 { words += ", arrows scroll: \(top) lines above, \(hidden) below" }
        let last = words.cut(to: size.columns)
        // The cursor is never behind the last column, where terminals differ.
        let rows = Array(shown) + Array(repeating: "", count: visible - shown.count)
        return "\u{1B}[H" + rows.map { "\($0)\u{1B}[K\r\n" }.joined()
            + ReportStyle(isColoured: isColoured).painted(last, .faint)
            + "\u{1B}[K"
    }

    // MARK: Keys

    /// The keys that the bytes from a terminal stand for.
    package static func keys(in bytes: [UInt8]) -> [Key] {
        var keys: [Key] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "q"), UInt8(ascii: "Q"), 0x03, 0x04: keys.append(.quit)
            case UInt8(ascii: "r"), 0x0C: keys.append(.refresh)
            case UInt8(ascii: "k"): keys.append(.up)
            case UInt8(ascii: "j"): keys.append(.down)
            case UInt8(ascii: "b"): keys.append(.pageUp)
            case UInt8(ascii: " "), UInt8(ascii: "f"): keys.append(.pageDown)
            case 0x1B:
                // Arrows and the like: ESC [ or ESC O, parameters, one letter.
                guard let opening = rest.first, opening == UInt8(ascii: "[") || opening == UInt8(ascii: "O") else {
                    continue
                }
                rest = rest.dropFirst()
                let parameters = rest.prefix { (0x20...0x3F).contains($0) }
                rest = rest[parameters.endIndex...]
                switch (rest.popFirst(), parameters.first) {
                case (UInt8(ascii: "A"), _): keys.append(.up)
                case (UInt8(ascii: "B"), _): keys.append(.down)
                case (UInt8(ascii: "~"), UInt8(ascii: "5")): keys.append(.pageUp)
                case (UInt8(ascii: "~"), UInt8(ascii: "6")): keys.append(.pageDown)
                default: break
                }
            default: break
            }
        }
        return keys
    }
}

/// What `state watch` reads each time.
package struct WatchReport: Sendable, Hashable {
    private let snapshot: Snapshot
    private let recent: [TransitionRow]

    /// So many of the last changes are shown.
    private static let recentCount = 10

    /// Reads it.
    ///
    /// - Throws: ``StoreError``.
    package init(of store: Store) throws(StoreError) {
        snapshot = try Snapshot(of: store)
        recent = try store.recentTransitions(limit: Self.recentCount)
    }

    /// What is on its way comes first, then what has happened, then all else.
    package func text(now: Timestamp, style: ReportStyle) -> String {
        var first = snapshot
        first.resources = snapshot.resources.filter { !$0.isSettled } + snapshot.resources.filter(\.isSettled)
        var blocks = [
            style.paragraph("rancher-agent state, \(now.iso8601)", .heading), first.text(now: now, style: style),
        ]
        if !recent.isEmpty {
            var table = Table(columns: [
                Table.Column(title: "AGO"), Table.Column(title: "TIME", rank: 0),
                Table.Column(title: "OF", minimum: 12), Table.Column(title: "CHANGE"),
                Table.Column(title: "CAUSE", minimum: 12, rank: 1),
            ])
            for move in recent {
                table.rows.append([
                    Table.Cell(Span(since: move.at, to: now).short), Table.Cell(move.at.iso8601, .faint),
                    Table.Cell(name(of: move.key)), Table.Cell("→ \(move.to)", move.to == "failed" ? .bad : .plain),
                    Table.Cell(Redaction.redacted(move.cause)),
                ])
            }
            blocks.append(([style.painted("Last changes", .heading)] + table.lines(style)).joined(separator: "\n"))
        }
        return blocks.joined(separator: "\n\n")
    }

    private func name(of key: ResourceKey) -> String {
        let name = snapshot.resources.first { $0.key == key }?.name ?? ""
        return name.isEmpty ? key.id : name
    }
}

extension InspectionError {
    /// What is shown instead of a report: a database that cannot be read now may be readable at the next look.
    package func text(now: Timestamp, style: ReportStyle) -> String {
        style.paragraph("rancher-agent state, \(now.iso8601)", .heading) + "\n\n" + style.paragraph(description, .bad)
    }
}
