import LosslessJSON

/// One event that the server sends until it has an answer, and what came back.
struct Errand {
    let number: Int
    let id: String
    let replyTo: String?
    let wish: Wish
    let frame: String
    var sendings = 0
    /// The step of the history at which it was first sent.
    var firstSent = 0
    /// Every stored answer that ever left for it.
    var left: [String] = []
    /// What the server has taken, and how often.
    var taken: [String: Int] = [:]
    /// It was answered although it could not be stored. What becomes of another copy of it is another matter.
    var wasTurnedAway = false
    /// The server has said that it will never take the answer.
    var isRefusedForGood = false

    var wantsAnswer: Bool { replyTo != nil }
    var isAnswered: Bool { !taken.isEmpty || isRefusedForGood || wasTurnedAway }
    /// The one answer.
    var answer: Reply? { left.first.flatMap(Reply.init) }
}

/// An answer on its way to the server.
struct Letter {
    let number: Int
    let errand: Int
    let body: String
    /// The process that sent it.
    let life: Int
}

/// A message as the server reads it (PROTOCOL 3.5, 4).
struct Reply {
    let name: String
    let eventID: String
    /// Still to come is the answer itself.
    let isProgress: Bool
    /// The text of an error.
    let failure: String?
    let data: JSON

    init?(_ body: String) {
        guard let json = try? JSON(parsing: body), let name = json["name"].text,
            let eventID = json["previousIds"][0].text
        else { return nil }
        self.name = name
        self.eventID = eventID
        let transition = json["transitioning"].text
        isProgress = transition == "yes"
        failure = transition == "error" ? json["transitioningMessage"].text ?? "" : nil
        data = json["data"]
    }
}
