package import LosslessJSON
package import Model
package import Store

/// What `state check` finds: whether somebody has to look after this agent.
package struct StateCheck: Sendable, Hashable {
    /// How bad it is. The number is the exit code, as monitoring systems know it.
    package enum Severity: Int, Sendable, Hashable, Comparable, CaseIterable {
        case fine = 0
        case warning = 1
        case critical = 2

        package static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }

        /// The word for it.
        package var word: String {
            switch self {
            case .fine: "ok"
            case .warning: "warning"
            case .critical: "critical"
            }
        }
    }

    /// One thing that is not as it should be.
    package struct Finding: Sendable, Hashable {
        /// How bad it is.
        package var severity: Severity
        /// What it is, in a word for programs.
        package var code: String
        /// What it is, in a sentence.
        package var text: String
    }

    /// What is still fine.
    package struct Limits: Sendable, Hashable {
        /// How long an event may be without an answer, an answer undelivered, a next try overdue.
        package var age = Duration.seconds(600)
        /// For how long something new in quarantine is worth a warning.
        package var quarantineAge = Duration.seconds(86_400)
        /// What the log file may take, in bytes: the agent keeps it to a quarter of this, unless a reader holds it up.
        package var logBytes = 64 << 20

        /// The usual ones.
        package init() {}
    }

    /// Where the database is.
    package var path: String
    /// What is not as it should be, the worst first.
    package private(set) var findings: [Finding] = []
    /// What there is, for programs.
    package private(set) var figures = JSONObject()
    /// The same for people: a label and what is said there.
    private var lines: [Line] = []

    private struct Line: Sendable, Hashable {
        var label: String
        var text: String
    }

    /// How bad the worst of it is.
    package var severity: Severity { findings.map(\.severity).max() ?? .fine }

    /// For a database that cannot be read at all.
    package init(unreadable reason: String, path: String) {
        self.path = path
        find(.critical, "unreadable", reason)
    }

    /// Looks at the files and at what is in them.
    ///
    /// - Throws: ``StoreError`` where not even that can be read.
    package init(
        of store: Store, at location: StateLocation, limits: Limits = Limits(), now: Timestamp
    ) throws(StoreError) {
        path = location.databasePath
        try checkFile(store, location, limits)
        try checkWork(store, limits, now)
        try checkAnswers(store, limits, now)
        try checkQuarantine(store, limits, now)
        findings.sort { $0.severity > $1.severity }
    }

    private mutating func find(_ severity: Severity, _ code: String, _ text: String) {
        findings.append(Finding(severity: severity, code: code, text: text.ended))
    }

    private mutating func note(_ label: String, _ text: String, _ code: String, _ value: JSON) {
        lines.append(Line(label: label, text: text))
        figures.append(code, value)
    }

    private mutating func checkFile(
        _ store: Store, _ location: StateLocation, _ limits: Limits
    ) throws(StoreError) {
        let size = location.fileBytes("")
        let log = location.fileBytes("-wal")
        let pages = try store.pageBytes()
        note("Database", "\(path), \(size.bytesInWords)", "databaseBytes", .integer(size))
        note("Free in it", pages.free.bytesInWords, "freeBytes", .integer(pages.free))
        note("Log", log.bytesInWords, "logBytes", .integer(log))
        if log > limits.logBytes {
            find(
                .warning, "long-log",
                "The log \(path)-wal has \(log.bytesInWords): something that reads the database does not end")
        }
        let schema =
            store.foundVersion == Migrator.currentVersion
            ? "version \(store.foundVersion)"
            : "version \(store.foundVersion); this program would bring it to \(Migrator.currentVersion)"
        note("Schema", schema, "schemaVersion", .integer(store.foundVersion))
        let damages = try store.damages(limit: 5)
        let strays = try store.strays(limit: 5)
        let unreadable = try store.unreadableRows()
        let isSound = damages.isEmpty && strays.isEmpty && unreadable.isEmpty
        let found = damages.isEmpty && strays.isEmpty ? "no damage found" : "damaged"
        note(
            "Integrity", unreadable.isEmpty ? found : "\(found), rows that cannot be read: \(unreadable.count)",
            "isSound",
            .bool(isSound))
        for damage in damages { find(.critical, "damaged", "The database is damaged: \(damage)") }
        for stray in strays { find(.critical, "stray-row", "The database contradicts itself: \(stray)") }
        for row in unreadable.prefix(5) {
            find(.critical, "unreadable-row", "A row of table \(row.table) cannot be read by this program: \(row.key)")
        }
        figures.append("unreadableRows", .integer(unreadable.count))
    }

    private mutating func checkWork(_ store: Store, _ limits: Limits, _ now: Timestamp) throws(StoreError) {
        var pending = 0
        var total = 0
        for kind in ResourceKind.allCases {
            pending += try store.resourceCount(of: kind, pending: true, phase: nil)
            total += try store.resourceCount(of: kind, pending: false, phase: nil)
        }
        note("Resources", "\(total), on their way: \(pending)", "resources", .integer(total))
        figures.append("pending", .integer(pending))
        let open = try store.eventCount(in: [.open])
        var text = "\(open) unanswered"
        let oldest = try store.oldestOpenEvent()
        if let oldest { text += ", the oldest received \(oldest.receivedAt.ago(now)): \(oldest.header.name)" }
        note("Events", text, "openEvents", .integer(open))
        figures.append("oldestOpenEventAt", JSON(oldest?.receivedAt))
        figures.append("oldestOpenEvent", JSON(oldest?.header.id))
        if let oldest, now - oldest.receivedAt > limits.age {
            find(
                .warning, "unanswered-event",
                "\(oldest.header.name) (event \(oldest.header.id)) is unanswered since \(oldest.receivedAt.iso8601), for "
                    + "\(Span(since: oldest.receivedAt, to: now).words): see 'rancher-agent state why \(oldest.header.id)'"
            )
        }
        for row in try store.resourcesDue(before: now - limits.age, limit: 1) {
            guard let next = row.nextAttemptAt else { continue }
            find(
                .warning, "overdue",
                "The next try of the \(row.words) is due since \(Span(since: next, to: now).words): is the agent running?"
            )
        }
        let newest = try store.newestChange()
        note("Newest change", newest.map { $0.ago(now) } ?? "none", "newestChangeAt", JSON(newest))
    }

    private mutating func checkAnswers(_ store: Store, _ limits: Limits, _ now: Timestamp) throws(StoreError) {
        let letters = try store.undeliveredReplies()
        let since = letters.map(\.waitingSince).min()
        var text = "\(letters.count) undelivered"
        if let since { text += ", the oldest on its way since \(since.ago(now))" }
        note("Answers", text, "undelivered", .integer(letters.count))
        figures.append("oldestUndeliveredAt", JSON(since))
        // One that the server has taken, and has asked for again, is no cause for concern before a try has failed: since
        // when it is on its way again nobody knows.
        let oldest = letters.filter { $0.deliveredAt == nil || !$0.lastError.isEmpty }
            .min { $0.waitingSince < $1.waitingSince }
        guard let oldest, now - oldest.waitingSince > limits.age else { return }
        let tries = "\(oldest.attempts) \(oldest.attempts == 1 ? "try" : "tries")"
        find(
            .warning, "undelivered-answer",
            "The answer to event \(oldest.eventID) is undelivered for "
                + "\(Span(since: oldest.waitingSince, to: now).words), after \(tries)"
                + (oldest.lastError.isEmpty ? "" : ": \(Redaction.redacted(oldest.lastError))"))
    }

    private mutating func checkQuarantine(_ store: Store, _ limits: Limits, _ now: Timestamp) throws(StoreError) {
        let kept = try store.quarantineSummary()
        let newest = kept.newest.map { ", the newest put there \($0.ago(now))" } ?? ""
        note("Quarantine", "\(kept.count)\(newest)", "quarantine", .integer(kept.count))
        figures.append("newestQuarantineAt", JSON(kept.newest))
        guard let newest = kept.newest, now - newest <= limits.quarantineAge else { return }
        find(
            .warning, "quarantine",
            "Something could not be read and was put into quarantine \(newest.ago(now)): see 'rancher-agent state quarantine'"
        )
    }

    // MARK: The report

    /// For programs.
    package var json: JSON {
        var object = JSONObject()
        object.append("status", .string(severity.word))
        object.append("exitCode", .integer(severity.rawValue))
        object.append("path", .string(path))
        object.append(
            "findings",
            .array(
                findings.map { finding in
                    [
                        "severity": .string(finding.severity.word), "code": .string(finding.code),
                        "text": .string(finding.text),
                    ]
                }))
        for member in figures { object.append(member.key, member.value) }
        return .object(object)
    }

    /// For people, and for monitoring systems that show the first line.
    package func text(style: ReportStyle = ReportStyle()) -> String {
        let tint: Tint =
            switch severity {
            case .fine: .good
            case .warning: .busy
            case .critical: .bad
            }
        let first = findings.first?.text ?? "The state is sound, and nothing waits for longer than it should."
        var report = [style.paragraph("\(severity.word.uppercased()): \(first)", tint)]
        report += findings.dropFirst().map { style.paragraph("\($0.severity.word.uppercased()): \($0.text)") }
        if !lines.isEmpty { report += [""] + style.list(lines.map { ($0.label, $0.text, .plain) }) }
        return report.joined(separator: "\n")
    }
}

extension Int {
    /// A number of bytes for people: `512 bytes`, `12 KiB`, `3.4 MiB`.
    fileprivate var bytesInWords: String {
        if self < 10_240 { return "\(self) bytes" }
        if self < 10_485_760 { return "\(self / 1024) KiB" }
        return "\(self / 1_048_576).\(self % 1_048_576 * 10 / 1_048_576) MiB"
    }
}
