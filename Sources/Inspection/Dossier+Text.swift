package import Model
internal import Store

extension Dossier {
    /// What `state show` says, for people.
    ///
    /// - Parameters:
    ///   - why: What is told of it.
    ///   - now: The moment from which times are told.
    ///   - showingEnvironment: With the values of the environment, which may be secret.
    ///   - style: How it is laid out.
    package func text(
        why: Explanation, now: Timestamp, showingEnvironment: Bool = false, style: ReportStyle = ReportStyle()
    ) -> String {
        var blocks = [style.list(facts(now)), [why.text(style: style)]]
        blocks.append([style.painted("Specification", .heading)] + specification(showingEnvironment, style))
        if !events.isEmpty {
            blocks.append([style.painted("Events", .heading)] + eventTable(now).lines(style))
        }
        if !history.isEmpty {
            blocks.append([style.painted("History", .heading)] + historyTable(now).lines(style))
        }
        return blocks.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private func facts(_ now: Timestamp) -> [ReportStyle.Fact] {
        var facts: [ReportStyle.Fact] = [(row.key.kind.rawValue.capitalizedWord, row.key.id, .heading)]
        func add(_ label: String, _ value: String, _ tint: Tint = .plain) {
            if !value.isEmpty { facts.append((label, value, tint)) }
        }
        add("Name", row.name)
        add("Rancher id", row.rancherID)
        add("Container", row.externalID)
        add("Desired", "\(row.desired)\(wanted(now))")
        add(
            "Phase", "\(row.phase), since \(Span(since: phaseSince, to: now).words)",
            .phase(row.phase, isSettled: row.isSettled))
        add("Generation", "\(row.generation), settled: \(row.settledGeneration)")
        add("Doing", Redaction.redacted(row.activity))
        if row.attempts > 0 { add("Tries", String(row.attempts)) }
        if !row.isSettled, let next = row.nextAttemptAt {
            add("Next try", "\(next.iso8601)\(next > now ? ", in \(Span(until: next, from: now).words)" : "")")
        }
        add("Last error", Redaction.redacted(row.lastError), row.phase == "failed" ? .bad : .plain)
        add("Needed by", dependents.map(\.description).joined(separator: ", "))
        add("First seen", row.createdAt.iso8601)
        return facts
    }

    private func wanted(_ now: Timestamp) -> String {
        if let wish {
            return ", by \(wish.header.name) (\(wish.header.id)) \(Span(since: wish.receivedAt, to: now).words) ago"
        }
        guard let cause = wishCause.map({ Redaction.redacted($0) }) else { return "" }
        return ", \(cause.hasPrefix("needed by ") ? cause : "by \(cause)")"
    }

    private func specification(_ showsEnvironment: Bool, _ style: ReportStyle) -> [String] {
        guard let specification = StoredSpecification(row) else {
            return style.indented("cannot be read by this program")
        }
        let fields = specification.fields(showingEnvironment: showsEnvironment)
        if fields.isEmpty { return style.indented("nothing special") }
        return style.list(fields.map { ($0.label, $0.value, .plain) }, indent: 2)
    }

    private func eventTable(_ now: Timestamp) -> Table {
        var table = Table(
            columns: [
                Table.Column(title: "TIME", rank: 1), Table.Column(title: "AGO", rank: 2),
                Table.Column(title: "EVENT"), Table.Column(title: "ID", minimum: 8, rank: 0),
                Table.Column(title: "STATE", rank: 3), Table.Column(title: "ANSWER", minimum: 16),
            ], wrapsLast: true)
        for letter in events {
            table.rows.append([
                Table.Cell(letter.event.receivedAt.iso8601, .faint),
                Table.Cell(Span(since: letter.event.receivedAt, to: now).short),
                Table.Cell(letter.event.header.name), Table.Cell(letter.event.header.id),
                Table.Cell(letter.event.state.rawValue),
                Table.Cell(letter.answer, letter.reply?.isFailure == true ? .bad : .plain),
            ])
        }
        return table
    }

    private func historyTable(_ now: Timestamp) -> Table {
        var table = Table(
            columns: [
                Table.Column(title: "TIME", rank: 2), Table.Column(title: "AGO", rank: 1),
                Table.Column(title: "FROM"), Table.Column(title: "TO"),
                Table.Column(title: "GENERATION", rank: 0, isNumber: true), Table.Column(title: "CAUSE", minimum: 20),
            ], wrapsLast: true)
        for move in history {
            table.rows.append([
                Table.Cell(move.at.iso8601, .faint), Table.Cell(Span(since: move.at, to: now).short),
                Table.Cell(move.from), Table.Cell("→ \(move.to)", move.to == "failed" ? .bad : .plain),
                Table.Cell(String(move.generation)), Table.Cell(Redaction.redacted(move.cause)),
            ])
        }
        return table
    }
}

extension Dossier.Correspondence {
    /// What became of the answer.
    var answer: String {
        guard let reply else { return event.header.replyTo == nil ? "none wanted" : "" }
        let kind = reply.isFailure ? "failure" : "success"
        if reply.deliveredAt != nil, event.state == .closed { return "\(kind), delivered" }
        let tries = "\(reply.attempts) \(reply.attempts == 1 ? "try" : "tries")"
        let state = event.state == .closed ? "refused by the server" : "not delivered"
        return "\(kind), \(state), \(tries)\(reply.lastError.isEmpty ? "" : ": \(Redaction.redacted(reply.lastError))")"
    }
}

extension String {
    fileprivate var capitalizedWord: String { prefix(1).uppercased() + dropFirst() }
}
