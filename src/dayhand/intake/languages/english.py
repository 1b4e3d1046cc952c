"""The words of English: see `base.py`."""

# fmt: off
from __future__ import annotations

from dayhand.intake.languages.base import Vocabulary

VERBS = (
    "add", "adapt", "address", "adjust", "adopt", "apply", "avoid", "backport", "bump", "cache", "catch", "change", "clean",
    "complete", "continue", "convert", "correct", "cover", "create", "debug", "decrease", "deduplicate", "delete",
    "deprecate", "disable", "document", "downgrade", "drop", "enable", "ensure", "escape", "exclude", "extend", "extract",
    "finish", "fix", "format", "handle", "hide", "implement", "improve", "include", "increase", "inline", "introduce",
    "keep", "make", "mark", "migrate", "modernize", "move", "optimi[sz]e", "patch", "pin", "polish", "port", "prefer",
    "prevent", "proceed", "put", "raise", "rearrange", "reduce", "refactor", "remove", "rename", "reorder", "repair",
    "replace", "resolve", "restore", "return", "revert", "rewrite", "sanitize", "set", "show", "simplify", "solve", "squash",
    "sort", "speed up", "split", "start", "support", "swap", "switch", "tackle", "turn", "tweak", "undo", "unify", "update",
    "upgrade", "use", "validate", "wrap", "write",
)
ENGLISH = Vocabulary(
    actions=(
        *VERBS,
        *(rf"{verb.removesuffix('e')}ing" for verb in VERBS),
        "(?:do|get) (?:this|that|it|these|them|so|the same)",
        "tak(?:e|ing) (?:this|that|it|over|care of)",
        "work(?:ing)? on",
        "go(?: right)? ahead",
        "go for it",
        "giv(?:e|ing) (?:it|this) a (?:try|go|shot)",
        "tak(?:e|ing) a (?:stab|shot|crack|swing)(?: at)?",
        "come up with",
        "have a (?:go|shot|try)(?: at)?",
        "(?:accept|allow|retry)(?= (?!`?[0-9a-f]{7,40}\\b)\\S+ \\S)",
    ),
    please=("p(?:lease|lz|ls|leas|lese|lase|elase|leaes|leese|lesae|leae?se|lzz)", "pls", "plz", "kindly", "if you can", "asap"),
    requests=(
        "(?:can|could|would|will|can't|couldn't|won't) you(?: (?:maybe|perhaps|also|please|just|mind))*",
        "(?:i'd|i would|we'd|we would) (?:like|love|want|prefer) (?:you|it if you)(?: (?:to|would|could))?",
        "(?:i|we) (?:want|need) you to",
        "(?:you (?:can|may|should|must|need to|have to))",
        "help (?:me|us)(?: to| with)?",
        "(?:would you |do you )?(?:mind|care to|fancy|feel free to|be so kind as to)",
        "(?:can|could|may) (?:we|i) (?:get|have) an?(?= (?:fix|change|patch|test)\\b)",
        "(?:is it possible for you|are you able) to",
    ),
    explains=(
        "explain", "describe", "summari[sz]e", "list", "check", "review", "compare", "clarify", "elaborate", "confirm",
        "understand", "investigate", "analy[sz]e", "(?:tell|show|remind|give|walk) (?:me|us)", "let (?:me|us) know",
        "find out", "look up", "quickly explain", "explaining",
    ),
    interrogatives=(
        "(?:why|how|what|when|where|who|whom|whose|which|what's|how's|where's|who's)",
        "any (?:idea|ideas|thoughts|reason|chance)",
        "(?:do|did|are|were|have|don't|didn't|aren't|haven't) (?:you|we|they|i|these|those|the|any|all|tests)",
        ("(?:is|was|does|did|has|should|will|would|isn't|wasn't|doesn't|didn't|hasn't|shouldn't|won't|wouldn't)"
        " (?:this|that|it|there|the|we|i|they|he|she|any|anyone|`\\S*)"),
        "(?:can|could|may|must) (?:this|that|it|there|the|we|i|they|any|anyone)",
    ),
    negations=(
        "(?:do|does|did|should|must|will|would)(?: not|n't|nt)", "dont", "not", "never", "no need", "no reason",
        "you (?:cannot|can't|could not|couldn't)",
    ),
    subjects=(
        "(?:you|we|i|it|that|this|let's|lets|there|there's|is|are|i'd|i'm|it's|rather|think|prefer|would|just|also|so|better|of course)",
    ),
    prohibitions=(
        "do not", "don't", "dont", "never", "not yet", "leave (?:it|this|that|these|those|them|everything)(?! (?:to|for) )",
        "hold (?:off|on|back)\\b.*", "wait(?: (?:for (?:me|us|my|our)|with (?:this|that|it)|until|a (?:bit|sec\\w*|moment|minute))\\b.*|$)",
        "hands off", "(?:no|nope|nah)$", "not (?:needed|necessary|required)\\b.*", "stay (?:away|out)", "nothing (?:to|for you to) (?:do|see|fix)",
        "no (?:action|changes?|fix|work) (?:is |are )?(?:needed|required|necessary)", "refrain from", "ignore (?:this|that|it|me)(?: comment| one)?$",
    ),
    pronouns=(
        "this", "that", "it", "these", "those", "them", "anything", "everything", "here", "yet", "now", "for", "the", "issue",
        "bug", "at", "all", "to", "be", "alone", "as", "on", "one",
    ),
    thanked=("(?:many |big )?thanks(?: a lot| so much)? for .*", "thank you(?: (?:so|very) much)? for .*", "kudos\\b.*"),
    relatives=("(?:what|where|how|who|which) (?:i|we|you|he|she|they) (?!\\?)[^?]*$",),
    thanks=(
        "thanks(?: (?:a lot|so much|again|all|for (?:this|that|the \\w+|your \\w+)))?",
        "thank you(?: (?:so|very) much)?(?: for (?:this|that|the \\w+|your \\w+))?",
        "many thanks", "thx", "ty", "tysm", "much appreciated", "cheers", "tia", "in advance",
    ),
    greetings=(
        "(?:hi|hello|hey|hiya|yo)(?: there| all| everyone)?", "(?:good )?(?:morning|afternoon|evening)", "dear",
        "whoa+", "oh(?: no)?", "ah+", "ugh+", "ar+gh", "oops", "ahem", "psst",
    ),
    praise=(
        "lgtm", "looks (?:good|great|fine)(?: to me)?", "(?:this|that|it)(?: now)? (?:looks|is) (?:good|great|fine|perfect)",
        ("(?:very )?(?:nice|great|good|awesome|amazing|excellent|perfect|brilliant|wonderful|fantastic|cool|impressive|sweet)"
        "(?: (?:work|job|one|stuff|catch|fix|find|plan|bot|try|point))?"), "well done", "you rock", "(?:lo+l|(?:ha)+h?|hehe)", "love (?:it|this)", "(?:you're|you are|ur) (?:the|a|so|really) \\w+", "wow", "nailed it",
        "(?:this |that |it |all )?(?:works|worked)(?: (?:now|great|well|perfectly|for me|fine))*",
    ),
    fillers=(
        "ok", "okay", "yes", "yep", "yeah", "sure", "well", "so", "now", "then", "also", "just", "maybe", "hmm",
        "sorry", "and", "but", "first", "next", "finally", "instead", "anyway", "again", "btw", "fyi", "actually",
        "(?:a |one |another )?(?:quick |small |last )?question", "try to", "go ahead and", "let's", "lets", "too",
        "for (?:this|that)", "if (?:possible|not|so)", "rather", "simply", "here", "right",
    ),
    conditions=("if", "when", "whenever", "before", "after", "once", "unless", "until", "while", "as", "because", "since"),
    statements=(
        "is", "are", "was", "were", "isn't", "aren't", "wasn't", "looks", "look", "seems", "seem", "has", "have", "does",
        "doesn't", "do", "don't", "should", "must", "can", "can't", "will", "would", "works", "fails", "breaks", "failed",
    ),
    third_person=(
        "is", "was", "has", "had", "did", "does", "seems", "isn't", "wasn't", "hasn't", "didn't", "doesn't", "won't", "can't",
        "cannot", "opened", "made", "wrote", "fixed", "broke", "said", "created", "closed", "pushed", "added", "removed",
        "changed", "found", "failed", "keeps", "already", "strikes", "fixes", "breaks", "opens", "adds", "does", "thinks", "says",
        "makes", "wants", "wrote", "just \\w+ed", "'s",
    ),
    modals=("should", "can", "could", "may", "might", "must", "will", "would"),
    announcements=(
        "(?:i|we)(?:'ll| will|ll)",
        "(?:i'm|i am|we're|we are) (?:going to|on it|working|looking|already)",
        "(?:i've|i have|we've|we have) (?:already )?(?:fixed|done|pushed|merged|asked|opened|reverted|closed|reported|found)",
        "let me", "merging(?: (?:this|it|now))?$",
    ),
    objects=("by", "to", "from", "with", "for", "ask", "asked", "cc", "via", "of", "tried", "try", "use", "using", "about",
             "like", "ping", "on", "is", "was", "are", "and", "or", "what", "if", "that", "than", "uses", "called"),
    handovers=(
        "let", "let's (?:have|get|let)", "have", "get", "can", "could", "(?:i'd|i would|we'd|we would) (?:like|love|want)",
        "(?:i|we) (?:want|need)", "could we (?:let|have|get)", "can we (?:let|have|get)",
    ),
    assents=(
        "go ahead", "go for it", "go on", "(?:let's )?do (?:it|this|that)", "proceed", "carry on", "start", "begin", "ship it",
        "make it so", "please do", "(?:yes|yep|yeah|ok|okay|sure|agreed|absolutely)", "sounds good", "(?:fix|implement|build) (?:it|this|that)",
        "start (?:work|working|now|on it)",
    ),
    verbs={
        "stop": (
            ("(?:stop|cancel|abort|halt|quit|kill|scrap)(?: (?:this|that|it|now|here|everything|immediately|right now"
            "|(?:the |this |that |your )?(?:task|run|job)|(?:work|working)(?: on (?:this|that|it))?))*"),
            "never ?mind",
            "forget (?:it|about it|this one|about this)",
        ),
        "status": (
            "(?:give (?:me|us) )?(?:an? )?(?:status|progress)(?: (?:report|update))?",
            "what are you (?:doing|working on)(?: (?:right )?now| at the moment)?",
            "is (?:it|this|that) (?:done|ready|finished)(?: yet| already)?",
            "(?:what's|what is) (?:the|your) (?:status|progress|eta)(?: (?:of|on) (?:this|that|it))?",
            "how(?:'s| is) (?:it|this|that) (?:going|coming along)(?: so far)?",
            "(?:any|is there any) (?:progress|updates?|news)(?: on (?:this|that|it))?(?: yet)?",
            "are you (?:still )?(?:working on (?:this|that|it)|there|on it|done|alive)(?: yet)?",
            "(?:still|you) (?:alive|there|working(?: on (?:this|it))?)",
            "where (?:are we|are you|do we stand|does this stand)(?: (?:on|with) (?:this|that|it)| at)?(?: now)?",
            "how (?:far(?: along)?|long) (?:are you|is (?:it|this))(?: (?:with|on) (?:this|it))?",
            "how much (?:did|does|has) (?:this|it|that)(?: task)? (?:cost|costed)(?: so far| until now| already)?",
            "what (?:did|does|has) (?:this|it|that) cost(?: so far| until now)?",
            "eta",
            "budget",
        ),
        "help": ("help", "commands", "usage", "(?:what|which) commands (?:are there|do you (?:know|have|support|understand))", "what (?:else )?can (?:you|i) do(?: here)?", "how do (?:i|we) use (?:you|this|it)"),
        "retry": (
            "(?:give|have) (?:it|this|that) another (?:try|go|shot)",
            ("(?:retry|re-?run|try (?:this |that |it )?(?:again|once more)|once more|one more time|restart|start over|do (?:it|this) again|again|run (?:this |it )?again)"
            "(?: (?:this|that|it|the task|now))?(?:,? with .+| using .+)?"),
        ),
        "plan": (
            "(?:(?:i'd|we'd) like|(?:i|we) want) a plan(?: first)?", "plan only(?:,.*)?",
            "before you (?:start|begin|do anything|touch anything),? (?:please )?(?:make|write|give (?:me|us)) a plan",
            "what(?:'s| is| would be) (?:your|the) plan(?: (?:for|here)\\b.*)?",
            ("(?:(?:make|write|propose|suggest|draft|give (?:me|us)|show (?:me|us)) (?:a|the|your) )?plan"
            "(?: (?:this|it|that|first|for (?:this|it)|before you \\w+|how \\w+ .+)\\b.*|\\s*[:,–—-].+)?"),
        ),
        "approve": (
            "(?:i |we )?approved?(?: (?:this|it|that))?(?: (?:the |your |this )?plan)?(?:\\s*[,.;:–—-].+| (?:but|with|and) .+)?",
            "(?:the |your |this )?plan (?:is )?approved",
            "(?:go ahead with|start with|execute|implement) (?:the|this|your) plan(?:\\s*[,.;:–—-].+| but .+)?",
        ),
        "accept": ("(?:i |we )?accept(?:ed)?(?: (?:this|it|the change|the changes))?(?: `?[0-9a-f]{7,40}`?)?",),
    },
)
