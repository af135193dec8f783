internal import LosslessJSON

/// What is owed for the frames that were sent: one answer to each event that could be read as one.
package struct Ledger {
    /// An event that somebody waits for.
    package struct Debt: Sendable {
        /// Where the answer has to go.
        package let replyTo: String
        package let isPing: Bool
        /// How often it was sent.
        package internal(set) var copies = 1
        /// The frame in which it came first.
        package let frame: MutatedFrame
    }

    /// By the id of the event.
    package private(set) var debts: [String: Debt] = [:]
    /// Ids of events that wanted no answer when they came first, or that stand for a ping and for something else.
    private var unclear: Set<String> = []
    package private(set) var unreadable = 0

    package init() {}

    /// Notes a frame.
    ///
    /// - Returns: the id of the event that is owed an answer, if it is one.
    @discardableResult
    package mutating func note(_ frame: MutatedFrame) -> String? {
        guard let event = try? JSON(parsing: frame.bytes), event.object != nil, let name = event["name"].nonEmptyText,
            let id = event["id"].nonEmptyText
        else {
            unreadable += 1
            return nil
        }
        guard !unclear.contains(id) else { return nil }
        guard let replyTo = event["replyTo"].nonEmptyText else {
            // Done without an answer, or a heartbeat: a copy with an address is only a copy.
            guard name != "ping" else { return nil }
            if debts[id] == nil { unclear.insert(id) } else { debts[id]?.copies += 1 }
            return nil
        }
        let isPing = name == "ping"
        if let debt = debts[id] {
            debts[id]?.copies += 1
            if debt.isPing != isPing { forget(id) }
        } else {
            debts[id] = Debt(replyTo: replyTo, isPing: isPing, frame: frame)
        }
        return debts[id] == nil ? nil : id
    }

    private mutating func forget(_ id: String) {
        debts[id] = nil
        unclear.insert(id)
    }

    /// What is wrong with the answers that came; `nil` if nothing is.
    ///
    /// - Parameter bodies: All final answers to the event, in order.
    package func fault(of id: String, _ bodies: [String]) -> String? {
        guard let debt = debts[id] else { return nil }
        guard let body = bodies.first else { return "no answer" }
        if !debt.isPing, Set(bodies).count > 1 { return "different answers: \(bodies)" }
        if bodies.count > debt.copies { return "\(bodies.count) answers to \(debt.copies) copies" }
        guard let answer = try? JSON(parsing: body) else { return "no JSON: \(body)" }
        guard answer["previousIds"] == [.string(id)] else { return "an answer to something else: \(body)" }
        guard debt.isPing || answer["name"].text == debt.replyTo else { return "answered elsewhere: \(body)" }
        guard answer["transitioning"].text == "error" else {
            return answer["transitioning"].isNull ? nil : "not final: \(body)"
        }
        let text = answer["transitioningMessage"].text ?? ""
        return text.isEmpty || text.lowercased().hasPrefix("class:") ? "a useless text: \(body)" : nil
    }
}
