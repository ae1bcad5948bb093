"""What can be wrong with a wish about notifications."""

from luna_web.shared.errors import ErrorCode, LunaError


class PushNotOffered(LunaError):
    code = ErrorCode.CONFLICT
    status = 409
    default_message = "This library sends no push messages"


class SubscribedByAnother(LunaError):
    """The endpoint is known with other keys: whoever asks does not have the browser in their hands."""

    code = ErrorCode.CONFLICT
    status = 409
    default_message = "This endpoint is subscribed with other keys; have the browser make a new subscription"
